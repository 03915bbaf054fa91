//! Tests of the framing, with the bytes of `tests/vectors/wire/derived-examples.yaml`.

use proptest::prelude::*;

use super::*;

/// Reads one payload and says how many bytes it took.
fn read(wire: &[u8], minimum: usize, maximum: usize) -> Result<(Vec<u8>, usize), FramingError> {
    let mut reader = PayloadReader::new(minimum, maximum);
    let mut at = 0;
    let mut step = reader.start();
    loop {
        match step {
            Step::Done(ssz) => return Ok((ssz, at)),
            Step::Need(count) => {
                let Some(bytes) = wire.get(at..at + count) else {
                    return Err(FramingError::Damaged("early end".into()));
                };
                at += count;
                step = reader.supply(bytes)?;
            }
        }
    }
}

fn unhex(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

#[test]
fn the_example_bytes_are_what_we_write_and_what_we_read() {
    let status = "46324489000000000000000000000000000000000000000000000000000000000000000000000000000000002227ce1b4e15c6320d493998fab783190a50e71d1075af73ce4e9ccc0dc84bca0000000000000000";
    for (ssz, wire) in [
        ("0000000000000000", "08ff060000734e61507059010c0000290398070000000000000000"),
        ("2a00000000000000", "08ff060000734e61507059010c0000ae8d91f52a00000000000000"),
        ("0100000000000000", "08ff060000734e61507059010c00000175de410100000000000000"),
        (
            status,
            "54ff060000734e61507059003700001d53fe2e541046324489009a01009c2227ce1b4e15c6320d493998fab783190a50e71d1075af73ce4e9ccc0dc84bca0000000000000000",
        ),
        (
            "000000000000000001000000000000000100000000000000",
            "18ff060000734e61507059011c00006f6af1da000000000000000001000000000000000100000000000000",
        ),
    ] {
        let (ssz, wire) = (unhex(ssz), unhex(wire));
        assert_eq!(read(&wire, 8, 84).unwrap(), (ssz.clone(), wire.len()));
        assert_eq!(encode_payload(&ssz), wire);
    }
}

#[test]
fn answers_carry_a_code_and_errors_a_text() {
    let ping = "0008ff060000734e61507059010c0000ae8d91f52a00000000000000";
    assert_eq!(encode_chunk(None, &42u64.to_le_bytes()), unhex(ping));
    let error = "010bff060000734e61507059010f00008a23d9c16261642072657175657374";
    assert_eq!(encode_error_chunk(ResponseCode::InvalidRequest, "bad request"), unhex(error));
    assert_eq!(encode_chunk(Some([1, 2, 3, 4]), &[9])[..6], [0, 1, 2, 3, 4, 1]);
}

#[test]
fn the_reader_stops_exactly_at_the_end_of_a_chunk() {
    let (first, second) = (vec![1u8; 200_000], vec![2u8; 70_000]);
    let mut wire = encode_payload(&first);
    let boundary = wire.len();
    wire.extend(encode_payload(&second));
    assert_eq!(read(&wire, 0, 1 << 20).unwrap(), (first, boundary));
    assert_eq!(read(&wire[boundary..], 0, 1 << 20).unwrap(), (second, wire.len() - boundary));
}

#[test]
fn lengths_are_checked_before_anything_else() {
    let wire = encode_payload(&[0; 9]);
    assert_eq!(read(&wire, 8, 8), Err(FramingError::BadLength { length: 9, minimum: 8, maximum: 8 }));
    let huge = unhex("ffffffffffffffffff01");
    assert!(matches!(read(&huge, 0, 8), Err(FramingError::BadLength { length: u64::MAX, .. })));
    assert_eq!(read(&[0x80; 11], 0, 8), Err(FramingError::BadVarint));
    assert_eq!(read(&unhex("8800"), 0, 8), Err(FramingError::NotMinimal));
    assert_eq!(read(&[0], 0, 8).unwrap(), (vec![], 1));
}

#[test]
fn frames_out_of_place_are_refused() {
    // Data before the stream identifier.
    assert!(matches!(
        read(&unhex("08010c0000ae8d91f52a00000000000000"), 8, 8),
        Err(FramingError::BadFrame { kind: 1, .. })
    ));
    // A reserved type that must not be skipped.
    assert!(matches!(
        read(&unhex("08ff060000734e6150705902010000ff"), 8, 8),
        Err(FramingError::BadFrame { kind: 2, .. })
    ));
    // A wrong checksum.
    assert!(matches!(
        read(&unhex("08ff060000734e61507059010c0000ae8d91f42a00000000000000"), 8, 8),
        Err(FramingError::Damaged(_))
    ));
    // More content than announced.
    assert_eq!(
        read(&unhex("07ff060000734e61507059010c0000ae8d91f52a00000000000000"), 0, 8),
        Err(FramingError::WrongContent { announced: 7, found: 8 })
    );
}

#[test]
fn skippable_frames_may_not_go_on_for_ever() {
    let mut wire = unhex("08ff060000734e61507059");
    for _ in 0..100 {
        wire.extend([0xfe, 0, 0, 0]);
    }
    assert_eq!(read(&wire, 8, 8), Err(FramingError::TooManyBytes { allowed: maximum_compressed_length(8) }));
}

proptest! {
    #[test]
    fn what_is_written_is_read(ssz in proptest::collection::vec(any::<u8>(), 0..5000), tail in any::<[u8; 3]>()) {
        let mut wire = encode_payload(&ssz);
        let length = wire.len();
        wire.extend(tail);
        let (back, taken) = read(&wire, 0, 5000).unwrap();
        prop_assert_eq!(back, ssz.clone());
        // The encoder writes nothing at all for nothing, and the reader expects nothing.
        prop_assert_eq!(taken, if ssz.is_empty() { 1 } else { length });
    }

    #[test]
    fn arbitrary_bytes_never_panic(wire in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(&wire, 0, 200);
    }

    #[test]
    fn damaged_frames_never_panic_and_never_pass(place in 0usize..27, flip in 1u8..=255) {
        let mut wire = unhex("08ff060000734e61507059010c0000ae8d91f52a00000000000000");
        wire[place] ^= flip;
        if let Ok((ssz, _)) = read(&wire, 8, 8) {
            prop_assert_eq!(ssz, unhex("2a00000000000000"));
        }
    }
}
