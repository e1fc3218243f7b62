//! What an account holds, window by window.

use std::sync::Arc;
use std::time::Duration;

use ferrogate_types::AccountId;

use crate::sync::{Mutex, MutexGuard};
use crate::{AccountSpec, AccountState, Unit, Window};

/// An account: a lock around its balances.
///
/// Locks are taken in the order of `ordinal`, so that reservations over several accounts cannot wait for each other
/// in a circle. Nothing under the lock waits, allocates more than a few balances, or looks at a clock.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) ordinal: u64,
    pub(crate) id: AccountId,
    pub(crate) unit: Unit,
    balances: Mutex<Balances>,
}

/// The balances of an account. The last one is of the current window.
#[derive(Debug)]
pub(crate) struct Balances {
    /// What the budget says; nothing while no configuration names it.
    spec: Option<Arc<AccountSpec>>,
    windows: Vec<Balance>,
}

/// What happened in one window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Balance {
    pub(crate) window: Window,
    pub(crate) spent: i64,
    pub(crate) reserved: i64,
    /// Calls under way that began in this window, whatever amount they hold.
    pub(crate) holds: u64,
    /// What this node may commit in all, where the account is shared.
    pub(crate) granted: i64,
    /// What other nodes were granted, as of the last claim.
    pub(crate) elsewhere: i64,
}

/// Whether an amount fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    Fits,
    /// It may, once this node is granted `total` in all.
    NeedsGrant {
        total: i64,
    },
    Exceeds,
}

/// Windows kept after they are over and nothing is under way in them, for refunds and for the clock's sake.
const PAST_WINDOWS: usize = 2;

impl Account {
    pub(crate) fn new(ordinal: u64, id: AccountId, unit: Unit) -> Self {
        Self {
            ordinal,
            id,
            unit,
            balances: Mutex::new(Balances {
                spec: None,
                windows: Vec::new(),
            }),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Balances> {
        self.balances.lock()
    }
}

impl Balances {
    pub(crate) fn spec(&self) -> Option<&Arc<AccountSpec>> {
        self.spec.as_ref()
    }

    /// Takes what a configuration says. A balance in the window that it means now is found again, even when another
    /// period was said in between.
    pub(crate) fn define(&mut self, spec: Arc<AccountSpec>, now: Duration) {
        let meant = spec.period.window_at(spec.zone, now);
        let ahead = self
            .windows
            .last()
            .is_some_and(|last| last.window.start() > meant.start());
        let same_kind = self
            .spec
            .as_ref()
            .is_none_or(|old| (old.period, old.zone) == (spec.period, spec.zone));
        // A current window that begins later is one that a clock ran ahead to, unless the period has changed.
        if !(ahead && same_kind) {
            self.enter(meant);
        }
        self.spec = Some(spec);
    }

    /// Forgets what the configuration said; what is under way is settled all the same.
    pub(crate) fn undefine(&mut self) {
        self.spec = None;
    }

    /// Begins the window of `now` when the current one is over. A clock that steps back changes nothing: what was
    /// begun stays current.
    pub(crate) fn roll(&mut self, now: Duration) {
        let Some(spec) = &self.spec else { return };
        if let Some(current) = self.windows.last()
            && !current.window.is_over(now)
        {
            return;
        }
        let window = spec.period.window_at(spec.zone, now);
        self.enter(window);
    }

    fn enter(&mut self, window: Window) {
        let balance = match self.windows.iter().position(|b| b.window == window) {
            Some(known) => self.windows.remove(known),
            None => Balance::new(window),
        };
        let mut surplus = self.windows.len().saturating_sub(PAST_WINDOWS);
        self.windows.retain(|past| {
            let drop = surplus > 0 && past.holds == 0;
            surplus = surplus.saturating_sub(usize::from(drop));
            !drop
        });
        self.windows.push(balance);
    }

    /// The balance of the current window, or of one that never ends where none was begun.
    pub(crate) fn current(&mut self) -> &mut Balance {
        if self.windows.is_empty() {
            self.windows.push(Balance::new(Window::ALWAYS));
        }
        let last = self.windows.len().saturating_sub(1);
        &mut self.windows[last]
    }

    /// The balance of a window, while it is kept.
    pub(crate) fn of(&mut self, window: Window) -> Option<&mut Balance> {
        self.windows
            .iter_mut()
            .find(|balance| balance.window == window)
    }

    /// The balance of a window that a journal or a store remembers; the latest ends up current.
    pub(crate) fn restore(&mut self, window: Window) -> &mut Balance {
        let place = match self.windows.iter().position(|b| b.window >= window) {
            Some(place) if self.windows[place].window == window => place,
            Some(place) => {
                self.windows.insert(place, Balance::new(window));
                place
            }
            None => {
                self.windows.push(Balance::new(window));
                self.windows.len().saturating_sub(1)
            }
        };
        &mut self.windows[place]
    }

    /// Whether `more` fits on top of what is committed in a window.
    pub(crate) fn fit(&self, balance: &Balance, more: i64) -> Fit {
        let Some(spec) = &self.spec else {
            return Fit::Fits;
        };
        let total = balance.committed().saturating_add(more);
        if spec.limit <= 0 || total > spec.limit {
            Fit::Exceeds
        } else if !spec.shared || total <= balance.granted {
            Fit::Fits
        } else if total.saturating_add(balance.elsewhere) <= spec.limit {
            Fit::NeedsGrant { total }
        } else {
            Fit::Exceeds
        }
    }

    /// Where the account stands in a window; nothing while no configuration names it.
    pub(crate) fn state(&self, balance: &Balance) -> Option<AccountState> {
        let spec = self.spec.clone()?;
        Some(AccountState {
            elsewhere: if spec.shared { balance.elsewhere } else { 0 },
            spec,
            window: balance.window,
            spent: balance.spent,
            reserved: balance.reserved,
        })
    }

    /// Whether nothing would be lost with it at a moment.
    pub(crate) fn is_forgettable(&self, now: Duration) -> bool {
        self.spec.is_none()
            && self
                .windows
                .iter()
                .all(|b| b.holds == 0 && b.window.is_over(now))
    }
}

impl Balance {
    pub(crate) fn new(window: Window) -> Self {
        Self {
            window,
            spent: 0,
            reserved: 0,
            holds: 0,
            granted: 0,
            elsewhere: 0,
        }
    }

    pub(crate) fn committed(&self) -> i64 {
        self.spent.saturating_add(self.reserved)
    }

    /// Gives back what one call held and books what it used.
    pub(crate) fn close(&mut self, held: i64, used: i64) {
        self.reserved = self.reserved.saturating_sub(held);
        self.holds = self.holds.saturating_sub(1);
        self.spent = self.spent.saturating_add(used);
    }
}
