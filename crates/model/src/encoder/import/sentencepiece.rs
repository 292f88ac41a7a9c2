//! Reads a SentencePiece model (`spiece.model`): its pieces and its normalisation table.
//!
//! The file is a protocol buffer as in `sentencepiece_model.proto`. Only the few necessary fields are read. Every length is checked
//! against the remaining bytes, and every text for UTF-8.

/// Most pieces of a vocabulary.
const MAX_PIECES: usize = 1_000_000;

/// The content of a model file.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Model {
    /// Piece and score, by id.
    pub pieces: Vec<(String, f64)>,
    /// Id of the unknown piece.
    pub unknown: usize,
    /// SentencePiece's table of replacements; empty if it has none.
    pub charsmap: Vec<u8>,
}

/// One field: its number and value.
enum Field<'a> {
    Varint(u64, u64),
    Bytes(u64, &'a [u8]),
    /// A value of four bytes.
    Fixed32(u64, [u8; 4]),
}

/// Reads a model. Errors say what is wrong with it.
pub(super) fn read(bytes: &[u8]) -> Result<Model, String> {
    let mut model = Model::default();
    let mut input = bytes;
    while let Some(field) = next_field(&mut input)? {
        match field {
            Field::Bytes(1, piece) => {
                if model.pieces.len() >= MAX_PIECES {
                    return Err(format!("it has more than {MAX_PIECES} pieces"));
                }
                model.pieces.push(read_piece(piece)?);
            }
            Field::Bytes(2, trainer) => read_trainer(trainer, &mut model)?,
            Field::Bytes(3, normalizer) => read_normalizer(normalizer, &mut model)?,
            _ => {}
        }
    }
    match model.unknown < model.pieces.len() {
        true => Ok(model),
        false => Err("it has no unknown piece".into()),
    }
}

fn read_piece(mut bytes: &[u8]) -> Result<(String, f64), String> {
    let (mut text, mut score) = (String::new(), 0.0);
    while let Some(field) = next_field(&mut bytes)? {
        match field {
            Field::Bytes(1, piece) => {
                text = String::from_utf8(piece.to_vec()).map_err(|_| "a piece is not UTF-8")?;
            }
            Field::Fixed32(2, value) => score = f64::from(f32::from_le_bytes(value)),
            _ => {}
        }
    }
    match score.is_finite() {
        true => Ok((text, score)),
        false => Err("a piece's score is not a number".into()),
    }
}

fn read_trainer(mut bytes: &[u8], model: &mut Model) -> Result<(), String> {
    while let Some(field) = next_field(&mut bytes)? {
        match field {
            Field::Varint(3, kind) if kind != 1 => return Err("it is not a unigram model".into()),
            Field::Varint(40, id) => model.unknown = usize::try_from(id).unwrap_or(usize::MAX),
            _ => {}
        }
    }
    Ok(())
}

fn read_normalizer(mut bytes: &[u8], model: &mut Model) -> Result<(), String> {
    while let Some(field) = next_field(&mut bytes)? {
        match field {
            Field::Bytes(2, map) => model.charsmap = map.to_vec(),
            Field::Varint(4 | 5, 0) => return Err("it does not normalise white space".into()),
            _ => {}
        }
    }
    Ok(())
}

/// Removes the next field from the input; `None` at the end.
fn next_field<'a>(input: &mut &'a [u8]) -> Result<Option<Field<'a>>, String> {
    if input.is_empty() {
        return Ok(None);
    }
    let tag = varint(input)?;
    let field = tag >> 3;
    Ok(Some(match tag & 7 {
        0 => Field::Varint(field, varint(input)?),
        1 => Field::Bytes(field, take(input, 8)?),
        2 => {
            let length = varint(input)?;
            Field::Bytes(field, take(input, length)?)
        }
        5 => match <[u8; 4]>::try_from(take(input, 4)?) {
            Ok(four) => Field::Fixed32(field, four),
            Err(_) => return Err("it ends too early".into()),
        },
        other => return Err(format!("a field of kind {other}")),
    }))
}

fn take<'a>(input: &mut &'a [u8], length: u64) -> Result<&'a [u8], String> {
    let taken = usize::try_from(length)
        .ok()
        .and_then(|length| input.split_at_checked(length));
    let (taken, rest) = taken.ok_or("it ends too early")?;
    *input = rest;
    Ok(taken)
}

/// A variable-length integer: 7 bits per byte, the lowest first.
fn varint(input: &mut &[u8]) -> Result<u64, String> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = input.split_first().ok_or("it ends too early")?;
        *input = rest;
        value |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err("a number without an end".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![number << 3 | 2, bytes.len() as u8];
        out.extend(bytes);
        out
    }

    fn piece(text: &str, score: f32) -> Vec<u8> {
        let mut inside = field(1, text.as_bytes());
        inside.push(2 << 3 | 5);
        inside.extend(score.to_le_bytes());
        field(1, &inside)
    }

    fn model() -> Vec<u8> {
        // model_type (3) is 1, unk_id (40) is 1.
        let trainer = [3 << 3, 1, 0xC0, 0x02, 1];
        [
            piece("</s>", 0.0),
            piece("<unk>", 0.0),
            piece("▁a", -1.5),
            field(2, &trainer),
            field(3, &field(2, b"map")),
        ]
        .concat()
    }

    #[test]
    fn pieces_scores_and_the_table_are_read() {
        let model = read(&model()).unwrap();
        assert_eq!(model.pieces.len(), 3);
        assert_eq!(model.pieces[2], ("▁a".to_string(), -1.5));
        assert_eq!((model.unknown, model.charsmap.as_slice()), (1, &b"map"[..]));
    }

    #[test]
    fn truncated_and_damaged_files_never_panic() {
        let whole = model();
        for end in 0..whole.len() {
            if let Ok(found) = read(&whole[..end]) {
                assert_ne!(found, read(&whole).unwrap(), "cut at {end}");
            }
        }
        for at in 0..whole.len() {
            let mut bad = whole.clone();
            bad[at] ^= 0xFF;
            let _ = read(&bad);
        }
    }

    #[test]
    fn other_model_types_and_absurd_lengths_are_refused() {
        let bpe = [model(), field(2, &[3 << 3, 2])].concat();
        assert!(read(&bpe).unwrap_err().contains("unigram"));
        let nan = [model(), piece("x", f32::NAN)].concat();
        assert!(read(&nan).unwrap_err().contains("score"));
        assert!(
            read(&[0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F])
                .unwrap_err()
                .contains("early")
        );
        assert!(read(&[0xFF; 20]).unwrap_err().contains("without an end"));
        assert!(read(&[]).unwrap_err().contains("unknown"));
    }
}
