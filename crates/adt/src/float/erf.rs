//! The error function, by the rational approximations of Sun's fdlibm (s_erf.c), good to one unit in the last place.

/// erf(1) cut to single precision, around which the middle interval is approximated.
const ERF_ONE: f64 = 8.450_629_115_104_675e-1;

const NEAR_ZERO: ([f64; 5], [f64; 6]) = (
    [
        1.283_791_670_955_125_6e-1,
        -3.250_421_072_470_015e-1,
        -2.848_174_957_559_851e-2,
        -5.770_270_296_489_442e-3,
        -2.376_301_665_665_016_3e-5,
    ],
    [
        1.0,
        3.979_172_239_591_553_5e-1,
        6.502_224_998_876_73e-2,
        5.081_306_281_875_766e-3,
        1.324_947_380_043_216_4e-4,
        -3.960_228_278_775_368e-6,
    ],
);

const NEAR_ONE: ([f64; 7], [f64; 7]) = (
    [
        -2.362_118_560_752_659_4e-3,
        4.148_561_186_837_483_3e-1,
        -3.722_078_760_357_013e-1,
        3.183_466_199_011_617_5e-1,
        -1.108_946_942_823_966_8e-1,
        3.547_830_432_561_823_6e-2,
        -2.166_375_594_868_791e-3,
    ],
    [
        1.0,
        1.064_208_804_008_442_3e-1,
        5.403_979_177_021_71e-1,
        7.182_865_441_419_627e-2,
        1.261_712_198_087_616_4e-1,
        1.363_708_391_202_905e-2,
        1.198_449_984_679_910_7e-2,
    ],
);

/// From 1.25 to 1 / 0.35.
const MIDDLE: ([f64; 8], [f64; 9]) = (
    [
        -9.864_944_034_847_148e-3,
        -6.938_585_727_071_818e-1,
        -1.055_862_622_532_329_1e1,
        -6.237_533_245_032_600_6e1,
        -1.623_966_694_625_734_7e2,
        -1.846_050_929_067_110_4e2,
        -8.128_743_550_630_66e1,
        -9.814_329_344_169_145,
    ],
    [
        1.0,
        1.965_127_166_743_925_7e1,
        1.376_577_541_435_190_4e2,
        4.345_658_774_752_292_3e2,
        6.453_872_717_332_679e2,
        4.290_081_400_275_678_3e2,
        1.086_350_055_417_794_4e2,
        6.570_249_770_319_282,
        -6.042_441_521_485_81e-2,
    ],
);

const TAIL: ([f64; 7], [f64; 8]) = (
    [
        -9.864_942_924_700_1e-3,
        -7.992_832_376_805_23e-1,
        -1.775_795_491_775_475_2e1,
        -1.606_363_848_558_219_2e2,
        -6.375_664_433_683_896e2,
        -1.025_095_131_611_077_2e3,
        -4.835_191_916_086_514e2,
    ],
    [
        1.0,
        3.033_806_074_348_246e1,
        3.257_925_129_965_739e2,
        1.536_729_586_084_437e3,
        3.199_858_219_508_595_5e3,
        2.553_050_406_433_164_4e3,
        4.745_285_412_069_553_7e2,
        -2.244_095_244_658_582e1,
    ],
);

fn polynomial(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, &c| sum * x + c)
}

fn ratio(approximation: (&[f64], &[f64]), x: f64) -> f64 {
    polynomial(approximation.0, x) / polynomial(approximation.1, x)
}

/// erfc(x) for 0.84375 <= x < 28.
fn complement(x: f64) -> f64 {
    if x < 1.25 {
        return 1.0 - ERF_ONE - ratio((&NEAR_ONE.0, &NEAR_ONE.1), x - 1.0);
    }
    let s = 1.0 / (x * x);
    let correction =
        if x < 1.0 / 0.35 { ratio((&MIDDLE.0, &MIDDLE.1), s) } else { ratio((&TAIL.0, &TAIL.1), s) };
    // The square of the upper half of x is exact, so its rounding error can be put into the second exponential.
    let upper = f64::from_bits(x.to_bits() & 0xffff_ffff_0000_0000);
    (-upper * upper - 0.5625).exp() * ((upper - x) * (upper + x) + correction).exp() / x
}

/// `derf`
pub fn erf(x: f64) -> f64 {
    let magnitude = x.abs();
    if x.is_nan() {
        return x;
    }
    if magnitude < 0.84375 {
        return x + x * ratio((&NEAR_ZERO.0, &NEAR_ZERO.1), x * x);
    }
    let result = if magnitude < 6.0 { 1.0 - complement(magnitude) } else { 1.0 };
    result.copysign(x)
}

/// `derfc`
pub fn erfc(x: f64) -> f64 {
    let magnitude = x.abs();
    if x.is_nan() {
        return x;
    }
    if magnitude < 0.84375 {
        let y = ratio((&NEAR_ZERO.0, &NEAR_ZERO.1), x * x);
        return if x < 0.25 { 1.0 - (x + x * y) } else { 0.5 - (x - 0.5 + x * y) };
    }
    let tail = if magnitude < 28.0 { complement(magnitude) } else { 0.0 };
    if x < 0.0 { 2.0 - tail } else { tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        for (x, expected) in [(0.0, 0.0), (0.5, 0.5204998778130465), (1.0, 0.8427007929497149), (-7.0, -1.0)]
        {
            assert_eq!(erf(x), expected);
        }
        assert!((erfc(3.0) - 2.209049699858544e-05).abs() < 1e-20);
        assert_eq!(erfc(30.0), 0.0);
    }
}
