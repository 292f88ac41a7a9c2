//! What the axes of an array are, in any order: those in space, those of time and other values, and that of colours.

use super::FORMAT;
use super::fields::Fields;
use super::place::Vector;
use crate::dicom::check_size;
use crate::error::Fault;

/// Most axes that the format allows.
const MAX_AXES: usize = 16;

/// What an axis is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Space,
    Time,
    Colours { alpha: bool },
    Other,
}

/// The axes as they are stated, fastest first, and what they are.
pub(super) struct Axes {
    sizes: Vec<u64>,
    roles: Vec<Role>,
}

/// Where the samples of a voxel are. All steps are in samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Columns, rows, slices; each at least 1.
    pub(crate) size: [usize; 3],
    /// From one to the next along columns, rows and slices.
    pub(crate) steps: [usize; 3],
    /// Length and step of every other axis, fastest first.
    others: Vec<(usize, usize)>,
    pub(super) colours: Option<Colours>,
    /// Samples of the whole array.
    pub(crate) total: u64,
}

/// Red, green and blue of a voxel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Colours {
    /// From one to the next.
    pub(super) step: usize,
    /// They are followed by an opacity.
    pub(super) alpha: bool,
}

impl Layout {
    /// Points in time and other values of a voxel; at least 1.
    pub(crate) fn components(&self) -> usize {
        self.others.iter().map(|(length, _)| length).product()
    }

    /// The first sample of `slices` slices from `start` on, and how many samples there are to the last one, those of others between
    /// them too.
    pub(crate) fn span(&self, component: usize, start: usize, slices: usize) -> (u64, u64) {
        let mut first = start * self.steps[2];
        let mut rest = component;
        for &(length, step) in &self.others {
            first += rest % length * step;
            rest /= length;
        }
        let ends = [self.size[0], self.size[1], slices].map(|count| count.saturating_sub(1));
        let far: usize = ends
            .iter()
            .zip(self.steps)
            .map(|(end, step)| end * step)
            .sum();
        let colours = self.colours.map_or(0, |colours| 2 * colours.step);
        (first as u64, (far + colours + 1) as u64)
    }
}

/// A list of a field that must have one entry an axis.
pub(super) fn one_each<T>(list: Option<Vec<T>>, axes: usize) -> Result<Vec<T>, Fault> {
    list.filter(|list| list.len() == axes).ok_or_else(|| {
        Fault::broken(
            FORMAT,
            "a field of its header has not one valid entry for each axis",
        )
    })
}

impl Axes {
    /// `directions` are those in space, if they are stated.
    pub(super) fn of(
        fields: &Fields<'_>,
        directions: Option<&[Option<Vector>]>,
        has_time: bool,
    ) -> Result<Self, Fault> {
        let wrong = || Fault::broken(FORMAT, "its dimensions are not valid");
        let count = fields.required("dimension")?.parse::<usize>().ok();
        let count = count
            .filter(|count| (1..=MAX_AXES).contains(count))
            .ok_or_else(wrong)?;
        let sizes = fields.required("sizes")?.split_whitespace();
        let sizes: Option<Vec<u64>> = sizes
            .map(|size| size.parse::<u64>().ok().filter(|&size| size > 0))
            .collect();
        let sizes = sizes
            .filter(|sizes| sizes.len() == count)
            .ok_or_else(wrong)?;
        let kinds = match fields.get("kinds") {
            Some(text) => one_each(Some(text.split_whitespace().collect()), count)?,
            None => vec![""; count],
        };
        if directions.is_some_and(|directions| directions.len() != count) {
            return Err(wrong());
        }
        let role = |axis: usize| {
            let direction = directions.and_then(|all| all.get(axis));
            role(kinds[axis], sizes[axis], direction, has_time)
        };
        let roles: Result<Vec<Role>, Fault> = (0..count).map(role).collect();
        let mut roles = roles?;
        let in_space = roles.iter().filter(|role| **role == Role::Space).count();
        if in_space == 0 {
            return Err(Fault::unsupported(FORMAT, "no axis in space"));
        }
        if in_space > 3 && directions.is_some() {
            return Err(Fault::broken(FORMAT, "more than three axes in space"));
        }
        // What a fourth axis is goes without saying: not in space.
        let spatial = roles.iter_mut().filter(|role| **role == Role::Space);
        spatial.skip(3).for_each(|role| *role = Role::Other);
        Ok(Self { sizes, roles })
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.sizes.len()
    }

    /// The numbers of those in space: columns, rows, slices.
    pub(super) fn spatial(&self) -> [Option<usize>; 3] {
        let mut places = (0..self.count()).filter(|&axis| self.roles[axis] == Role::Space);
        [places.next(), places.next(), places.next()]
    }

    /// The number of the axis of time, if that is the only one beside space and colours that has a length.
    pub(super) fn time(&self) -> Option<usize> {
        let has_length = |axis: &usize| {
            matches!(self.roles[*axis], Role::Time | Role::Other) && self.sizes[*axis] > 1
        };
        let mut places = (0..self.count()).filter(has_length);
        let first = places.next()?;
        (self.roles[first] == Role::Time && places.next().is_none()).then_some(first)
    }

    /// Where the samples are, once their number is within the limits.
    pub(super) fn layout(&self) -> Result<Layout, Fault> {
        let spatial = self.spatial();
        let side = |number: usize| spatial[number].map_or(1, |axis| self.sizes[axis]);
        let (width, height, depth) = (side(0), side(1), side(2));
        let roles = self.sizes.iter().zip(&self.roles);
        let slices = roles
            .filter(|(_, role)| matches!(role, Role::Time | Role::Other))
            .try_fold(depth, |product, (&size, _)| product.checked_mul(size));
        check_size(width, height, slices.unwrap_or(u64::MAX))?;
        let mut layout = Layout {
            size: [width as usize, height as usize, depth as usize],
            steps: [0; 3],
            others: Vec::new(),
            colours: None,
            total: 1,
        };
        for (axis, &size) in self.sizes.iter().enumerate() {
            let step = layout.total as usize;
            match self.roles[axis] {
                Role::Space => {
                    let number = spatial.iter().position(|place| *place == Some(axis));
                    layout.steps[number.unwrap_or_default()] = step;
                }
                Role::Time | Role::Other => layout.others.push((size as usize, step)),
                Role::Colours { .. } if layout.colours.is_some() => {
                    return Err(Fault::broken(FORMAT, "two axes of colours"));
                }
                Role::Colours { alpha } => layout.colours = Some(Colours { step, alpha }),
            }
            layout.total *= size;
        }
        Ok(layout)
    }
}

fn role(
    kind: &str,
    size: u64,
    direction: Option<&Option<Vector>>,
    has_time: bool,
) -> Result<Role, Fault> {
    let kind = kind.to_ascii_lowercase();
    match (kind.as_str(), size) {
        ("rgb-color" | "3-color", 3) => return Ok(Role::Colours { alpha: false }),
        ("rgba-color" | "4-color", 4) => return Ok(Role::Colours { alpha: true }),
        ("hsv-color" | "xyz-color", _) => {
            let reason = "colours other than red, green and blue";
            return Err(Fault::unsupported(FORMAT, reason));
        }
        _ => {}
    }
    Ok(match (direction, kind.as_str()) {
        (Some(Some(vector)), _) if has_time && vector.is_time_only() => Role::Time,
        (Some(Some(_)), _) | (None, "domain" | "space" | "none" | "???" | "") => Role::Space,
        (_, "time") => Role::Time,
        _ => Role::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(text: &str) -> Result<Layout, Fault> {
        let header = format!("NRRD0004\n{text}\n");
        let fields = Fields::parse(header.as_bytes())?;
        Axes::of(&fields, None, false)?.layout()
    }

    #[test]
    fn values_of_a_voxel_may_lie_together_or_apart() {
        let together = layout("dimension: 4\nsizes: 5 2 3 4\nkinds: list domain domain domain");
        let together = together.unwrap();
        assert_eq!((together.size, together.components()), ([2, 3, 4], 5));
        // Sample 3 of the last voxel of slice 1.
        assert_eq!(together.span(3, 1, 1), (3 + 30, 5 + 20 + 1));
        let apart = layout("dimension: 4\nsizes: 2 3 4 5\nkinds: space space space time").unwrap();
        assert_eq!((apart.size, apart.components()), ([2, 3, 4], 5));
        assert_eq!(apart.span(3, 1, 2), (3 * 24 + 6, 12));
        let unsaid = layout("dimension: 4\nsizes: 2 3 4 5").unwrap();
        assert_eq!(unsaid, apart);
    }

    #[test]
    fn colours_are_told_by_their_kind_and_length() {
        let colours = layout("dimension: 3\nsizes: 3 2 5\nkinds: RGB-color space space").unwrap();
        assert_eq!((colours.size, colours.components()), ([2, 5, 1], 1));
        assert_eq!(colours.span(0, 0, 1), (0, 30));
        let plain = layout("dimension: 3\nsizes: 3 2 5").unwrap();
        assert_eq!((plain.size, plain.colours), ([3, 2, 5], None));
        assert!(layout("dimension: 2\nsizes: 3 2\nkinds: HSV-color space").is_err());
    }

    #[test]
    fn impossible_axes_are_refused() {
        for text in [
            "dimension: 0\nsizes:",
            "dimension: 2\nsizes: 4",
            "dimension: 2\nsizes: 4 0",
            "dimension: 2\nsizes: 4 -1",
            "dimension: 17\nsizes: 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
            "dimension: 1\nsizes: 7\nkinds: time",
            "dimension: 2\nsizes: 4 5\nkinds: space",
        ] {
            assert!(layout(text).is_err(), "{text}");
        }
        let huge = layout("dimension: 4\nsizes: 65535 65535 65535 18446744073709551615");
        assert!(matches!(huge, Err(Fault::TooLarge { .. })), "{huge:?}");
    }
}
