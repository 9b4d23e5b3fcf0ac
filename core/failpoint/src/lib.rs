//! Named places where a test ends or slows a process; nothing of them is left in a release build.
//!
//! Each crate lists its places once with [`failpoints!`], and calls [`Failpoint::hit`] right before the step that has to survive
//! a kill: a write, an fsync, a rename, a commit, an answer. A place's number is its index in the list. What happens there is
//! asked for through the environment, and only builds with debug assertions listen:
//!
//! ```text
//! WAYHEX_FAILPOINT=device.queue.put          the process ends at its first hit, at once, like a crash
//! WAYHEX_FAILPOINT=device.queue.put@7        at its seventh
//! WAYHEX_FAILPOINT=device.queue.put=sleep:50 each hit takes 50 ms, a slow disk; `*` stands for every place
//! WAYHEX_FAILPOINTS_SEEN=FILE                each name is appended to FILE when it is hit for the first time
//! ```

#[cfg(debug_assertions)]
mod armed;

/// A place where a process may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failpoint {
    name: &'static str,
}

impl Failpoint {
    /// A place of this name; [`failpoints!`] calls it.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name }
    }

    /// Its name: side, module and step, with dots between.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// Does what was asked for here; in a release build nothing.
    #[inline]
    pub fn hit(self) {
        #[cfg(debug_assertions)]
        armed::hit(self.name);
    }
}

/// Lists a crate's places: a constant for each, and `ALL`.
///
/// ```
/// mod failpoints {
///     wayhex_failpoint::failpoints! {
///         PUT = "device.queue.put",
///         SETTLE = "device.queue.settle",
///     }
/// }
/// failpoints::PUT.hit();
/// assert_eq!(failpoints::ALL[1].name(), "device.queue.settle");
/// ```
#[macro_export]
macro_rules! failpoints {
    ($($constant:ident = $name:literal),+ $(,)?) => {
        $(
            #[doc = concat!("`", $name, "`")]
            pub const $constant: $crate::Failpoint = $crate::Failpoint::new($name);
        )+
        /// All of them; the number of each is its index.
        pub const ALL: &[$crate::Failpoint] = &[$($constant),+];
    };
}
