//! What a reader makes of the names, calls and external objects in a pickle, and why a pickle can be refused.

use super::values::{Heap, Span, Value};

/// Decides what stands for the names in a pickle. A policy describes or refuses; never call what a pickle names.
pub trait Policy {
    /// What it builds in place of Python's objects.
    type Object: Copy;

    /// The value of the name `module`.`name`.
    fn global(
        &mut self,
        pickle: &[u8],
        module: Span,
        name: Span,
    ) -> Result<Value<Self::Object>, Reason>;

    /// The value of a call of `function`, which may be any value.
    fn call(
        &mut self,
        pickle: &[u8],
        heap: &mut Heap<Self::Object>,
        function: Value<Self::Object>,
        arguments: Value<Self::Object>,
    ) -> Result<Value<Self::Object>, Reason>;

    /// The external object that `id` describes.
    fn external(
        &mut self,
        pickle: &[u8],
        heap: &Heap<Self::Object>,
        id: Value<Self::Object>,
    ) -> Result<Value<Self::Object>, Reason>;

    /// Whether items added to the object are dropped; otherwise adding any is an error.
    fn drops_items(&self, _object: Self::Object) -> bool {
        false
    }

    /// The reason for refusing an instruction that the machine does not have.
    fn unknown(&self, opcode: u8) -> Reason {
        Reason::Malformed(format!("unknown instruction 0x{opcode:02x}"))
    }
}

/// Why a pickle was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is damaged, or has what is not supported.
    Malformed(String),
    /// It asks for code to be run.
    Hostile(String),
    /// It has more than `limit` of something.
    TooMany {
        /// What: `values`.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
}

impl Reason {
    /// It is damaged, or has what is not supported.
    pub fn malformed(reason: impl Into<String>) -> Self {
        Self::Malformed(reason.into())
    }
}

/// A refused pickle. The texts may hold any text of the pickle: clean them before they are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PickleError {
    /// Offset of the instruction.
    pub at: usize,
    /// Why.
    pub reason: Reason,
}
