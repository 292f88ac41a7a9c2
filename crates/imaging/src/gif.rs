//! Where a GIF's first frame lies on its screen, and what surrounds it.

/// The first frame, from its headers alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
    /// The palette is a grey ramp, so Pillow opens the image as greyscale.
    pub(super) is_grey: bool,
    /// Colour of the screen around the frame.
    pub(super) background: [u8; 3],
    /// Whether that colour is transparent.
    pub(super) background_is_transparent: bool,
}

impl Frame {
    /// Whether the frame covers a point of the screen.
    pub(super) fn covers(&self, x: usize, y: usize) -> bool {
        let inside = |at: usize, from: usize, length: usize| at >= from && at - from < length;
        inside(x, self.left, self.width) && inside(y, self.top, self.height)
    }
}

/// The first frame of a GIF, if it has one.
pub(super) fn first_frame(content: &[u8]) -> Option<Frame> {
    let mut rest = content.get(6..)?;
    let screen = take(&mut rest, 7)?;
    let global = palette(&mut rest, *screen.get(4)?)?;
    let mut transparent_index = None;
    loop {
        match take(&mut rest, 1)? {
            b"!" => {
                let label = take(&mut rest, 1)?;
                let control = block(&mut rest)?;
                // Flags, delay, index of the transparent colour.
                if let ([0xF9], &[flags, _, _, index, ..]) = (label, control)
                    && flags & 1 == 1
                {
                    transparent_index = Some(index);
                }
                if !control.is_empty() {
                    while !block(&mut rest)?.is_empty() {}
                }
            }
            b"," => break,
            b";" => return None,
            _ => {}
        }
    }
    let descriptor = take(&mut rest, 9)?;
    let number = |at: usize| {
        let bytes = descriptor.get(at..at + 2)?;
        Some(usize::from(u16::from_le_bytes(bytes.try_into().ok()?)))
    };
    let local = palette(&mut rest, *descriptor.get(8)?)?;
    let colours = if local.is_empty() { global } else { local };
    let is_grey = colours
        .chunks_exact(3)
        .enumerate()
        .all(|(i, colour)| colour.iter().all(|&value| usize::from(value) == i));
    let background = transparent_index.unwrap_or(0);
    let at = 3 * usize::from(background);
    let colour = colours.get(at..at + 3).and_then(|c| c.try_into().ok());
    Some(Frame {
        left: number(0)?,
        top: number(2)?,
        width: number(4)?,
        height: number(6)?,
        is_grey,
        background: match (is_grey, colour) {
            (true, _) => [background; 3],
            (false, colour) => colour.unwrap_or_default(),
        },
        background_is_transparent: transparent_index.is_some(),
    })
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(taken)
}

/// The palette announced by `flags`; empty if they announce none.
fn palette<'a>(rest: &mut &'a [u8], flags: u8) -> Option<&'a [u8]> {
    match flags & 0x80 {
        0 => Some(&[]),
        _ => take(rest, 3 << ((flags & 7) + 1)),
    }
}

/// A length-prefixed block; an empty one ends a sequence.
fn block<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = take(rest, 1)?.first().copied()?;
    take(rest, usize::from(length))
}
