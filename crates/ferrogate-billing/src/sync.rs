//! The lock of the reservation core, which the model checker replaces.

#[cfg(ferrogate_loom)]
use loom::sync as inner;
#[cfg(not(ferrogate_loom))]
use parking_lot as inner;

pub(crate) use inner::MutexGuard;

/// A mutual exclusion that cannot be poisoned.
#[derive(Debug)]
pub(crate) struct Mutex<T>(inner::Mutex<T>);

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(inner::Mutex::new(value))
    }

    #[cfg(not(ferrogate_loom))]
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock()
    }

    #[cfg(ferrogate_loom)]
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0
            .lock()
            .expect("a model that panics has failed already")
    }
}
