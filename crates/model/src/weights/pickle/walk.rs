//! Finds the tensors in a pickle and their names.
//!
//! Containers may be shared, so that a short pickle can describe an exponential tree, and may contain themselves. The walk has its
//! own stack and counts its steps; never make it recursive.

use std::borrow::Cow;

use super::policy::{MAX_TENSORS, MAX_VALUES};
use super::values::{Heap, Object, Value};
use crate::weights::WeightError;
use rounds_support::errors::bytes;
use rounds_support::pickle::Handle;
use rounds_support::sanitise;

/// Maximum nesting of containers.
const MAX_DEPTH: usize = 64;
/// Maximum length of a name in bytes.
const MAX_NAME: usize = 4096;
/// Maximum length of all names together in bytes.
const MAX_NAMES: usize = 16 << 20;

/// A container on the current path, and the position in it.
struct Frame {
    container: Value,
    next: usize,
    /// Length of the name that leads to it.
    name: usize,
}

/// Walks from `root`. Returns the name and handle of every tensor, in the order of the pickle.
pub(super) fn tensors(
    root: Value,
    heap: &Heap,
    pickle: &[u8],
    file: &str,
) -> Result<Vec<(String, Handle)>, WeightError> {
    if let Value::Object(Object::Tensor(handle)) = root {
        return Ok(vec![(String::new(), handle)]);
    }
    let too_large = |what: &str, limit: String| Err(WeightError::too_large(file, what, limit));
    let mut found = Vec::new();
    let mut name = String::new();
    let (mut steps, mut name_bytes) = (0_usize, 0_usize);
    let mut frames = vec![Frame {
        container: root,
        next: 0,
        name: 0,
    }];
    while let Some(frame) = frames.last_mut() {
        let position = frame.next;
        let Some((key, item)) = heap.item(frame.container, position) else {
            frames.pop();
            continue;
        };
        frame.next += 1;
        steps += 1;
        if steps > MAX_VALUES {
            return too_large(
                "containers that lead to too many values",
                MAX_VALUES.to_string(),
            );
        }
        let is_tensor = matches!(item, Value::Object(Object::Tensor(_)));
        if !is_tensor && !matches!(item, Value::Dict(_) | Value::List(_) | Value::Tuple(_)) {
            continue;
        }
        name.truncate(frame.name);
        if frame.name > 0 {
            name.push('.');
        }
        let label = label(key, position, pickle);
        if name.len() + label.len() > MAX_NAME {
            return too_large("a name that is too long", bytes(MAX_NAME as u64));
        }
        name.push_str(&label);
        if let Value::Object(Object::Tensor(handle)) = item {
            name_bytes += name.len();
            if found.len() >= MAX_TENSORS {
                return too_large("too many tensors", MAX_TENSORS.to_string());
            }
            if name_bytes > MAX_NAMES {
                return too_large("too many long names", bytes(MAX_NAMES as u64));
            }
            if name.chars().any(is_unprintable) {
                let reason = format!("the name of a tensor is not printable: {name}");
                return Err(WeightError::format(file, reason));
            }
            found.push((name.clone(), handle));
        } else if frames.len() < MAX_DEPTH {
            frames.push(Frame {
                container: item,
                next: 0,
                name: name.len(),
            });
        } else {
            return too_large("containers nested too deep", MAX_DEPTH.to_string());
        }
    }
    Ok(found)
}

/// The part of a name for the item at `position`: its key, or the position if there is none. A key that is neither text
/// nor number becomes `#` and the position.
fn label(key: Option<Value>, position: usize, pickle: &[u8]) -> Cow<'_, str> {
    match key {
        Some(Value::Text(text)) => Cow::Borrowed(text.text(pickle)),
        Some(Value::Int(number)) => Cow::Owned(number.to_string()),
        Some(_) => Cow::Owned(format!("#{position}")),
        None => Cow::Owned(position.to_string()),
    }
}

/// Names appear in messages and reports; real models have printable ones.
fn is_unprintable(character: char) -> bool {
    character.is_control() || sanitise::is_forbidden(character)
}
