//! Where a GIF's first frame lies on its screen, and what is beside it.

/// The first frame, by its headers alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
    /// Every colour is the grey of its own number: Pillow opens the picture as grey.
    pub(super) is_grey: bool,
    /// Colour of the screen beside the frame.
    pub(super) ground: [u8; 3],
    /// Whether that colour is see-through.
    pub(super) clear: bool,
}

impl Frame {
    /// Whether a place of the screen is the frame's.
    pub(super) fn covers(&self, x: usize, y: usize) -> bool {
        let inside = |at: usize, from: usize, length: usize| at >= from && at - from < length;
        inside(x, self.left, self.width) && inside(y, self.top, self.height)
    }
}

/// The first frame of a GIF; `None` where there is none.
pub(super) fn first_frame(content: &[u8]) -> Option<Frame> {
    let mut rest = content.get(6..)?;
    let screen = taken(&mut rest, 7)?;
    let global = palette(&mut rest, *screen.get(4)?)?;
    let mut see_through = None;
    loop {
        match taken(&mut rest, 1)? {
            b"!" => {
                let label = taken(&mut rest, 1)?;
                let control = block(&mut rest)?;
                // Flags, delay, number of the see-through colour.
                if let ([0xF9], &[flags, _, _, number, ..]) = (label, control)
                    && flags & 1 == 1
                {
                    see_through = Some(number);
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
    let place = taken(&mut rest, 9)?;
    let number = |at: usize| {
        let bytes = place.get(at..at + 2)?;
        Some(usize::from(u16::from_le_bytes(bytes.try_into().ok()?)))
    };
    let local = palette(&mut rest, *place.get(8)?)?;
    let colours = if local.is_empty() { global } else { local };
    let is_grey = colours
        .chunks_exact(3)
        .enumerate()
        .all(|(i, colour)| colour.iter().all(|&value| usize::from(value) == i));
    let ground = see_through.unwrap_or(0);
    let at = 3 * usize::from(ground);
    let colour = colours.get(at..at + 3).and_then(|c| c.try_into().ok());
    Some(Frame {
        left: number(0)?,
        top: number(2)?,
        width: number(4)?,
        height: number(6)?,
        is_grey,
        ground: match (is_grey, colour) {
            (true, _) => [ground; 3],
            (false, colour) => colour.unwrap_or_default(),
        },
        clear: see_through.is_some(),
    })
}

fn taken<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(taken)
}

/// The palette that `flags` announce; empty where they announce none.
fn palette<'a>(rest: &mut &'a [u8], flags: u8) -> Option<&'a [u8]> {
    match flags & 0x80 {
        0 => Some(&[]),
        _ => taken(rest, 3 << ((flags & 7) + 1)),
    }
}

/// A block with its length in front; an empty one ends a row of them.
fn block<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = taken(rest, 1)?.first().copied()?;
    taken(rest, usize::from(length))
}
