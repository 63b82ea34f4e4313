use super::*;

const INT4: ElementLayout = ElementLayout { len: 4, by_value: true, align: 4 };
const TEXT: ElementLayout = ElementLayout { len: -1, by_value: false, align: 4 };

fn ints(text: &str) -> Vec<u8> {
    let array = parse(text, ',').unwrap();
    let mut builder = ArrayBuilder::new(Oid(23), INT4);
    for element in &array.elements {
        let bytes = element.as_ref().map(|text| text.parse::<i32>().unwrap().to_le_bytes());
        builder.push(bytes.as_ref().map(|bytes| &bytes[..])).unwrap();
    }
    builder.finish_shaped(&array.shape).unwrap()
}

fn shown(payload: &[u8]) -> String {
    let view = ArrayView::new(payload).unwrap();
    let elements: Vec<Option<String>> = view
        .elements(INT4)
        .unwrap()
        .into_iter()
        .map(|element| element.map(|bytes| i32::from_le_bytes(bytes.try_into().unwrap()).to_string()))
        .collect();
    let mut out = String::new();
    push_text(&mut out, &view.shape(), &elements, ',');
    out
}

#[test]
fn text_forms() {
    for (text, expected) in [
        ("{1,NULL,3}", "{1,NULL,3}"),
        (" [0:1] = { 1 , 2 } ", "[0:1]={1,2}"),
        ("{{1,2},{3,4}}", "{{1,2},{3,4}}"),
        ("{{},{}}", "{}"),
    ] {
        assert_eq!(shown(&ints(text)), expected);
    }
    let array = parse("{ a b , \"c d\",nUll,\"NULL\",\"\",a\\,b}", ',').unwrap();
    let mut out = String::new();
    push_text(&mut out, &array.shape, &array.elements, ',');
    assert_eq!(out, "{\"a b\",\"c d\",NULL,\"NULL\",\"\",\"a,b\"}");
    for (text, detail) in [
        ("{1,2", "Unexpected end of input."),
        ("1", "Array value must start with \"{\" or dimension information."),
        ("{1,,2}", "Unexpected \",\" character."),
        ("{1,}", "Unexpected \"}\" character."),
        ("{{1},2}", "Multidimensional arrays must have sub-arrays with matching dimensions."),
        ("{{},{1}}", "Multidimensional arrays must have sub-arrays with matching dimensions."),
        ("[1:2]={1}", "Specified array dimensions do not match array contents."),
        ("{\"a\"b}", "Incorrectly quoted array element."),
        ("{1}x", "Junk after closing right brace."),
        ("[1:1={1}", "Missing \"]\" after array dimensions."),
    ] {
        let error = parse(text, ',').unwrap_err();
        assert_eq!(error.message(), format!("malformed array literal: \"{text}\""));
        assert_eq!(error.data().detail.as_deref(), Some(detail));
    }
}

#[test]
fn stored_form() {
    assert_eq!(ints("{7}"), [1, 0, 0, 0, 0, 0, 0, 0, 23, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0]);
    let mut builder = ArrayBuilder::new(Oid(25), TEXT);
    for text in [Some("a"), None, Some("bcdef")] {
        builder.push(text.map(str::as_bytes)).unwrap();
    }
    let payload = builder.finish().unwrap();
    let view = ArrayView::new(&payload).unwrap();
    assert_eq!(view.elements(TEXT).unwrap(), [Some(&b"a"[..]), None, Some(b"bcdef")]);
    assert_eq!(view.get(TEXT, 2).unwrap(), Some(&b"bcdef"[..]));
    // The last three bytes are padding.
    for cut in 0..payload.len() - 3 {
        if let Ok(view) = ArrayView::new(&payload[..cut]) {
            assert!(view.elements(TEXT).is_err());
        }
    }
}

#[test]
fn operations() {
    let (a, b, empty) = (ints("[0:1]={1,2}"), ints("[5:6]={3,4}"), ints("{}"));
    let (a, b, empty) =
        (ArrayView::new(&a).unwrap(), ArrayView::new(&b).unwrap(), ArrayView::new(&empty).unwrap());
    let one = 9_i32.to_le_bytes();
    assert_eq!(shown(&concatenate(&a, &b, INT4).unwrap()), "[0:3]={1,2,3,4}");
    assert_eq!(shown(&prepend(&a, INT4, Some(&one)).unwrap()), "[0:2]={9,1,2}");
    assert_eq!(shown(&append(&empty, INT4, Some(&one)).unwrap()), "{9}");
    assert_eq!(shown(&set_element(&a, INT4, &[3], Some(&one)).unwrap()), "[0:3]={1,2,NULL,9}");
    assert_eq!(shown(&set_element(&a, INT4, &[-2], Some(&one)).unwrap()), "[-2:1]={9,NULL,1,2}");
    assert_eq!(shown(&slice(&a, INT4, &[(Some(1), None)]).unwrap()), "{2}");
    assert_eq!(shown(&slice(&a, INT4, &[(Some(5), Some(6))]).unwrap()), "{}");
    assert_eq!(shown(&set_slice(&a, INT4, &[(Some(3), Some(4))], &b).unwrap()), "[0:4]={1,2,NULL,3,4}");
    assert_eq!(shown(&set_slice(&empty, INT4, &[(Some(3), Some(4))], &b).unwrap()), "[3:4]={3,4}");
    assert_eq!(
        set_slice(&a, INT4, &[(Some(1), Some(3))], &b).unwrap_err().message(),
        "source array too small"
    );
    let nested = ints("{{1,2},{3,4}}");
    let nested = ArrayView::new(&nested).unwrap();
    assert_eq!(shown(&slice(&nested, INT4, &[(None, None), (Some(2), None)]).unwrap()), "{{2},{4}}");
    assert_eq!(element(&nested, INT4, &[2, 1]).unwrap(), Some(&3_i32.to_le_bytes()[..]));
    assert_eq!(
        concatenate(&nested, &a, INT4).unwrap_err().message(),
        "cannot concatenate incompatible arrays"
    );
    assert_eq!(compare(&a, &b, INT4, |x, y| Ok(x.cmp(y))).unwrap(), std::cmp::Ordering::Less);
}
