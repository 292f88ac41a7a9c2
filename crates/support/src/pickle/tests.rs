//! Pickles built byte by byte, read under a policy that refuses every name. What the readers of weights and of questions
//! make of a pickle is tested where they are.

use super::*;

/// Refuses every name, call and external object.
struct Plain;

/// What the policy builds: nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Nothing {}

fn refused() -> Result<Value<Nothing>, Reason> {
    Err(Reason::Hostile("a name".into()))
}

impl Policy for Plain {
    type Object = Nothing;

    fn global(&mut self, _: &[u8], _: Span, _: Span) -> Result<Value<Nothing>, Reason> {
        refused()
    }

    fn call(
        &mut self,
        _: &[u8],
        _: &mut Heap<Nothing>,
        _: Value<Nothing>,
        _: Value<Nothing>,
    ) -> Result<Value<Nothing>, Reason> {
        refused()
    }

    fn external(
        &mut self,
        _: &[u8],
        _: &Heap<Nothing>,
        _: Value<Nothing>,
    ) -> Result<Value<Nothing>, Reason> {
        refused()
    }
}

fn value(pickle: &[u8]) -> Result<Value<Nothing>, PickleError> {
    run(pickle, 1 << 10, &mut Plain).map(|(root, _)| root)
}

#[test]
fn numbers_and_truth_values_of_every_protocol_are_read() {
    for (pickle, expected) in [
        (&b"N."[..], Value::Other),
        (b"\x88.", Value::Bool(true)),
        (b"I01\n.", Value::Bool(true)),
        (b"I00\n.", Value::Bool(false)),
        (b"I-7\n.", Value::Int(-7)),
        (b"L12L\n.", Value::Int(12)),
        (b"L123456789012345678901234567890L\n.", Value::Other),
        (b"F-0.5\n.", Value::Float(-0.5)),
        (b"G\x3f\xe0\0\0\0\0\0\0.", Value::Float(0.5)),
        (b"J\xff\xff\xff\xff.", Value::Int(-1)),
        (b"M\xff\xff.", Value::Int(65_535)),
        (b"\x8a\x02\x80\x00.", Value::Int(128)),
        (b"\x8b\x01\0\0\0\x80.", Value::Int(-128)),
    ] {
        assert_eq!(value(pickle), Ok(expected), "{pickle:?}");
    }
    for bad in [&b"Ix\n."[..], b"I\n.", b"F\n.", b"L--1\n.", b"I1"] {
        assert!(value(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn texts_of_every_protocol_are_read() {
    for (pickle, expected) in [
        (&b"U\x02ab."[..], "ab"),
        (b"T\x02\0\0\0ab.", "ab"),
        (b"X\x02\0\0\0ab.", "ab"),
        (b"\x8c\x02ab.", "ab"),
        (b"\x8d\x02\0\0\0\0\0\0\0ab.", "ab"),
        (b"S'ab'\n.", "ab"),
        (b"Su\"a'b\"\n.", "a'b"),
        (b"S''\n.", ""),
        (b"Va\\u00e9\\n\n.", "a\u{e9}\n"),
    ] {
        let text = match value(pickle) {
            Ok(Value::Text(span)) => span.text(pickle).to_owned(),
            Ok(Value::Escaped(span)) => unescape(span.text(pickle)),
            other => panic!("{other:?}"),
        };
        assert_eq!(text, expected);
    }
    let surrogate = b"X\x03\0\0\0\xed\xa0\x80.";
    assert!(matches!(value(surrogate), Ok(Value::Bytes(_))));
    for bad in [&b"Sab\n."[..], b"S'\n.", b"S'a\"\n.", b"S'ab'", b"U\x09a."] {
        assert!(value(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn containers_are_built_in_every_way() {
    for pickle in [
        &b"(lp0\nI1\na(I2\nI3\ne0g0\n."[..],
        b"(I1\nI2\nl.",
        b"]q\x00(K\x01K\x02e.",
        b"]\x94K\x01aK\x02a.",
    ] {
        let (root, heap) = run(pickle, 100, &mut Plain).unwrap_or_else(|error| {
            panic!("{error:?} in {pickle:?}");
        });
        let Value::List(list) = root else {
            panic!("{root:?}");
        };
        assert_eq!(heap.list(list)[0], Value::Int(1), "{pickle:?}");
    }
    let (root, heap) = run(b"(I1\nI2\nd(K\x03K\x04tp5\n0g5\nK\x05s.", 100, &mut Plain).unwrap();
    let Value::Dict(dict) = root else {
        panic!("{root:?}");
    };
    let [one, (Value::Tuple(key), Value::Int(5))] = heap.dict(dict) else {
        panic!("{:?}", heap.dict(dict));
    };
    assert_eq!(*one, (Value::Int(1), Value::Int(2)));
    assert_eq!(heap.tuple(*key), [Value::Int(3), Value::Int(4)]);
}

#[test]
fn every_name_and_call_is_left_to_the_policy() {
    for pickle in [
        &b"cos\nsystem\n."[..],
        b"\x8c\x02os\x8c\x06system\x93.",
        b"N)R.",
        b"N)\x81.",
        b"N)}\x92.",
        b"NQ.",
    ] {
        let error = value(pickle).unwrap_err();
        assert_eq!(error.reason, Reason::Hostile("a name".into()), "{pickle:?}");
    }
    // INST, OBJ, PERSID and the extension registry are not even known.
    for opcode in [b'i', b'o', b'P', 0x82, 0x83, 0x84] {
        let error = value(&[opcode, 1, 0, 0, 0, b'.']).unwrap_err();
        let Reason::Malformed(reason) = error.reason else {
            panic!("{error:?}");
        };
        assert_eq!(reason, format!("unknown instruction 0x{opcode:02x}"));
    }
}

#[test]
fn values_marks_and_memo_entries_are_counted() {
    let limit = Reason::TooMany {
        what: "values",
        limit: 1 << 10,
    };
    for opcode in [b'N', b'(', b']', b')', b'}', 0x8f] {
        let error = value(&vec![opcode; (1 << 10) + 1]).unwrap_err();
        assert_eq!((error.at, error.reason), (1 << 10, limit.clone()));
    }
    let kept = [b"N".to_vec(), vec![0x94; 1 << 10]].concat();
    assert_eq!(value(&kept).unwrap_err().reason, limit);
}

#[test]
fn pickles_that_follow_each_other_are_read_one_after_the_other() {
    let bytes = b"\x80\x02K\x01.\x80\x04\x95\x06\0\0\0\0\0\0\0U\x04.ab..N.raw";
    let mut values = Vec::new();
    let mut rest = &bytes[..];
    while rest != b"raw" {
        let first = run_first(rest, 100, &mut Plain).unwrap().unwrap();
        values.push(first.value);
        rest = &rest[first.length..];
    }
    let text = Span::new(13, 4).unwrap();
    assert_eq!(
        values,
        [Value::Int(1), Value::Text(text), Value::Other],
        "a text may hold the byte of the last instruction"
    );
}

#[test]
fn a_first_pickle_that_goes_on_is_told_from_a_bad_one() {
    let whole = b"\x80\x02(X\x02\0\0\0abI12\nG\x3f\xe0\0\0\0\0\0\0t.";
    for length in 0..whole.len() {
        let first = run_first(&whole[..length], 100, &mut Plain);
        assert!(matches!(first, Ok(None)), "{length} bytes: {first:?}");
    }
    let first = run_first(whole, 100, &mut Plain).unwrap().unwrap();
    assert_eq!(first.length, whole.len());
    for bad in [&b"."[..], b"a", b"i", b"cos\nsystem\n", b"I1x\n"] {
        assert!(run_first(bad, 100, &mut Plain).is_err(), "{bad:?}");
    }
    assert!(run_first(&[b'N'; 101], 100, &mut Plain).is_err());
}
