//! The values that a pickle builds, and the heap that they refer to.
//!
//! Values are small and refer by handle into flat lists. So dropping a pickle nested a million deep does not recurse, and
//! one that contains itself is not a reference cycle.

/// A text, as a range of the pickle's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    start: u32,
    length: u32,
}

impl Span {
    /// `length` bytes from `start`; `None` beyond 4 GiB, longer than any accepted pickle.
    pub fn new(start: usize, length: usize) -> Option<Self> {
        Some(Self {
            start: u32::try_from(start).ok()?,
            length: u32::try_from(length).ok()?,
        })
    }

    /// Length in bytes.
    pub fn length(self) -> usize {
        self.length as usize
    }

    /// The bytes in its `pickle`.
    pub fn bytes(self, pickle: &[u8]) -> &[u8] {
        let start = self.start as usize;
        let bytes = pickle.get(start..start.saturating_add(self.length as usize));
        bytes.unwrap_or_default()
    }

    /// The text in its `pickle`; empty if it is not UTF-8.
    pub fn text(self, pickle: &[u8]) -> &str {
        std::str::from_utf8(self.bytes(pickle)).unwrap_or_default()
    }
}

/// An index into one of the heap's lists.
pub type Handle = u32;

/// A Python value. A handle is an index into the heap's list for the variant. `O` is what a policy builds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<O> {
    /// `None`, a set, an integer beyond 64 bits.
    Other,
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A floating point number.
    Float(f64),
    /// A text.
    Text(Span),
    /// A text of protocol 0, to be resolved with [`super::unescape`]; its bytes may not be UTF-8.
    Escaped(Span),
    /// Bytes, or a text that is not UTF-8.
    Bytes(Span),
    /// A tuple.
    Tuple(Handle),
    /// A list.
    List(Handle),
    /// A dictionary.
    Dict(Handle),
    /// A value of the policy.
    Object(O),
}

/// Everything that values refer to.
#[derive(Debug)]
pub struct Heap<O> {
    /// The items of each tuple.
    pub tuples: Vec<Vec<Value<O>>>,
    /// The items of each list.
    pub lists: Vec<Vec<Value<O>>>,
    /// The keys and items of each dictionary, in order; a key may occur twice.
    pub dicts: Vec<Vec<(Value<O>, Value<O>)>>,
}

impl<O> Default for Heap<O> {
    fn default() -> Self {
        Self {
            tuples: Vec::new(),
            lists: Vec::new(),
            dicts: Vec::new(),
        }
    }
}

/// Appends to a list that values refer to and returns the handle.
pub fn alloc<T>(list: &mut Vec<T>, item: T) -> Handle {
    let handle = list.len();
    list.push(item);
    // The machine's limit on values is far lower.
    Handle::try_from(handle).unwrap_or(Handle::MAX)
}

impl<O: Copy> Heap<O> {
    /// The items of a tuple.
    pub fn tuple(&self, handle: Handle) -> &[Value<O>] {
        self.tuples.get(handle as usize).map_or(&[], Vec::as_slice)
    }

    /// The items of a list.
    pub fn list(&self, handle: Handle) -> &[Value<O>] {
        self.lists.get(handle as usize).map_or(&[], Vec::as_slice)
    }

    /// The keys and items of a dictionary.
    pub fn dict(&self, handle: Handle) -> &[(Value<O>, Value<O>)] {
        self.dicts.get(handle as usize).map_or(&[], Vec::as_slice)
    }

    /// A new empty dictionary.
    pub fn new_dict(&mut self) -> Value<O> {
        Value::Dict(alloc(&mut self.dicts, Vec::new()))
    }

    /// The item at `position` of a dictionary, list or tuple, with its key if it has one; `None` past the end.
    pub fn item(
        &self,
        container: Value<O>,
        position: usize,
    ) -> Option<(Option<Value<O>>, Value<O>)> {
        let plain = |items: &[Value<O>]| items.get(position).map(|&item| (None, item));
        match container {
            Value::Dict(handle) => {
                let (key, item) = self.dict(handle).get(position)?;
                Some((Some(*key), *item))
            }
            Value::List(handle) => plain(self.list(handle)),
            Value::Tuple(handle) => plain(self.tuple(handle)),
            _ => None,
        }
    }
}
