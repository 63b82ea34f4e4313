use super::*;

fn n(text: &str) -> Numeric {
    Numeric::parse(text).unwrap()
}

#[test]
fn text_round_trips() {
    for (text, expected) in [
        (" 12345.6780 ", "12345.6780"),
        ("-0.00", "0.00"),
        ("1e5", "100000"),
        ("1.5e-7", "0.00000015"),
        ("0xFF_FF", "65535"),
        ("-0b101", "-5"),
        ("1_000.000_1", "1000.0001"),
        ("nan", "NaN"),
        ("-inf", "-Infinity"),
        (".5", "0.5"),
        ("5.", "5"),
        ("100000000", "100000000"),
        ("0xffffffffffffffffffffffffffffffff", "340282366920938463463374607431768211455"),
    ] {
        assert_eq!(n(text).to_string(), expected, "{text}");
        assert_eq!(Numeric::from_payload(&n(text).to_payload()).unwrap().to_string(), expected);
        let mut wire = Vec::new();
        n(text).send(&mut wire);
        assert_eq!(Numeric::receive(&wire).unwrap().to_string(), expected);
    }
    for text in ["", ".", "1e", "1__0", "_1", "1._5", "-nan", "0x", "1 2", "1.2.3"] {
        let message = format!("invalid input syntax for type numeric: \"{text}\"");
        assert_eq!(Numeric::parse(text).unwrap_err().message(), message);
    }
    assert_eq!(Numeric::parse("1e200000").unwrap_err().message(), "value overflows numeric format");
}

#[test]
fn stored_bytes_are_postgresqls() {
    // As pageinspect shows them after the varlena header.
    assert_eq!(n("12345.678").to_payload(), [0x81, 0x81, 1, 0, 0x29, 0x09, 0x7c, 0x1a]);
    assert_eq!(n("NaN").to_payload(), [0x00, 0xc0]);
    assert_eq!(n("0").to_payload(), [0x00, 0x80]);
}

#[test]
fn operations() {
    for (got, expected) in [
        (n("1.1").add(&n("2.22")), "3.32"),
        (n("1").sub(&n("1.00000000000000000001")), "-0.00000000000000000001"),
        (n("99999999999999999999").add(&n("1")), "100000000000000000000"),
        (n("-1.5").mul(&n("2.5")), "-3.75"),
        (n("123456789.123456789").mul(&n("987654321.987654321")), "121932631356500531.347203169112635269"),
        (n("1").div(&n("3")), "0.33333333333333333333"),
        (n("10").div(&n("3")), "3.3333333333333333"),
        (n("123456789012345678901234567890").div(&n("98765432109876543210")), "1249999988.60937500"),
        (n("7.5").modulo(&n("-2")), "1.5"),
        (n("-7.5").div_trunc(&n("2")), "-3"),
        (n("2.5").round(0), "3"),
        (n("1499").round(-3), "1000"),
        (n("9999.5").round(0), "10000"),
        (n("-2.567").trunc(2), "-2.56"),
        (n("-2.5").floor(), "-3"),
        (n("-2.5").ceil(), "-2"),
        (n("2").sqrt(), "1.414213562373095"),
        (n("1").exp(), "2.7182818284590452"),
        (n("2").ln(), "0.6931471805599453"),
        (n("100").log(&n("10")), "2.0000000000000000"),
        (n("2").power(&n("0.5")), "1.4142135623730950"),
        (n("2").power(&n("-3")), "0.1250000000000000"),
        (n("330").gcd(&n("462")), "66"),
        (n("330").lcm(&n("462")), "2310"),
        (Numeric::factorial(20), "2432902008176640000"),
        (n("inf").sub(&n("inf")), "NaN"),
    ] {
        assert_eq!(got.unwrap().to_string(), expected);
    }
    assert_eq!(n("1").div(&n("0")).unwrap_err().message(), "division by zero");
    assert_eq!(n("5.35").width_bucket(&n("0.024"), &n("10.06"), 5).unwrap(), 3);
    assert!(n("nan") > n("inf") && n("1.0") == n("1.000") && n("-2") < n("-1"));
}

#[test]
fn typmod() {
    let typmod = Typmod::parse(&[5, 2]).unwrap();
    assert_eq!(Typmod::from_stored(typmod.to_stored()), Some(typmod));
    assert_eq!(n("123.456").apply_typmod(typmod).unwrap().to_string(), "123.46");
    let error = n("999.995").apply_typmod(typmod).unwrap_err();
    assert_eq!(error.message(), "numeric field overflow");
    assert_eq!(
        error.data().detail.as_deref(),
        Some("A field with precision 5, scale 2 must round to an absolute value less than 10^3.")
    );
}

#[test]
fn conversions() {
    assert_eq!(n("2.5").to_int4().unwrap(), 3);
    assert_eq!(n("-9223372036854775808").to_int8().unwrap(), i64::MIN);
    assert_eq!(n("9223372036854775808").to_int8().unwrap_err().message(), "bigint out of range");
    assert_eq!(n("NaN").to_int4().unwrap_err().message(), "cannot convert NaN to integer");
    assert_eq!(n("0.1").to_float8().unwrap(), 0.1);
    assert_eq!(Numeric::from_float8(0.1 + 0.2).to_string(), "0.3");
    assert_eq!(Numeric::from_scaled(-12345, 3).to_string(), "-12.345");
    assert_eq!(n("12345.678").hash(), 573_919_094);
}

#[test]
fn sums() {
    let mut state = NumericSum::new(true);
    let mut plain = NumericSum::new(false);
    for text in ["1.5", "2.25", "-3", "1e30"] {
        state.add_numeric(&n(text)).unwrap();
        plain.add_numeric(&n(text)).unwrap();
    }
    assert_eq!(plain.sum().unwrap().unwrap().to_string(), "1000000000000000000000000000000.75");
    let big = NumericView::new(&n("1e30").to_payload()).unwrap().to_numeric().unwrap().to_payload();
    assert!(state.remove(&NumericView::new(&big).unwrap()).unwrap());
    assert_eq!(state.avg().unwrap().unwrap().to_string(), "0.25000000000000000000");
    assert_eq!(state.variance(true).unwrap().unwrap().to_string(), "8.0625000000000000");
    assert_eq!(state.stddev(false).unwrap().unwrap().to_string(), "2.3184046238739259");
    let mut ints = Int128Sum::default();
    [1, 2, 4].iter().for_each(|&value| ints.add_with_square(value));
    assert_eq!(ints.avg().unwrap().unwrap().to_string(), "2.3333333333333333");
    assert_eq!(ints.variance(true).unwrap().unwrap().to_string(), "2.3333333333333333");
}
