//! The grants of one node.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ferrogate_types::AccountId;
use tokio::sync::Mutex;

use super::{Claim, GrantStore, NodeId};
use crate::balance::{Account, Balance};
use crate::{
    AccountState, Attempt, CallFacts, Chain, Granted, Ledger, OnStoreFailure, Refusal, Reservation,
    Spend, StoreError, Window,
};

/// Claims what this node spends from shared accounts, and gives back what it does not.
///
/// One claim is under way at a time, so that answers cannot overtake each other. Calls that hold a grant never wait for
/// it; one that finds the grant used up waits for one claim.
#[derive(Debug)]
pub struct GrantKeeper<S: ?Sized> {
    ledger: Ledger,
    store: Arc<S>,
    node: NodeId,
    desk: Mutex<Desk>,
}

/// What the one claim that is under way may touch.
#[derive(Debug)]
struct Desk {
    version: u64,
    /// What was committed at the last look, and for how many looks since.
    seen: HashMap<(AccountId, Window), (i64, u32)>,
}

/// What is to be changed of an account's grant.
#[derive(Debug)]
struct Wish {
    account: Arc<Account>,
    window: Window,
    limit: i64,
    total: i64,
}

/// A grant beyond what is committed: this part of what is left of the limit, so that several nodes find some.
const SHARE: i64 = 8;
/// Looks without a change after which a node keeps nothing to spare.
const IDLE_LOOKS: u32 = 10;
/// Looks without a change after which a node asks again what the others hold, which it would not learn otherwise.
const REPEAT_LOOKS: u32 = 15;
/// Claims in one message.
const BATCH: usize = 256;
/// How often a call asks again when others were quicker.
const TRIES: usize = 4;

impl<S: GrantStore + ?Sized> GrantKeeper<S> {
    /// The keeper of a ledger's shared accounts.
    pub fn new(ledger: &Ledger, store: Arc<S>, node: NodeId, now: Duration) -> Self {
        Self {
            ledger: ledger.clone(),
            store,
            node,
            desk: Mutex::new(Desk {
                // Above the versions of the process before, unless the clock was set back; the store tells then.
                version: u64::try_from(now.as_millis()).unwrap_or_default(),
                seen: HashMap::new(),
            }),
        }
    }

    /// As [`Ledger::reserve`], claiming what is missing. When the store does not answer, budgets that say
    /// `on_store_failure open` go on without a grant, and the others refuse.
    ///
    /// # Cancel safety
    ///
    /// Nothing is held when this is dropped; what was granted meanwhile stays with the node.
    pub async fn reserve(
        &self,
        chain: &Arc<Chain>,
        call: &Arc<CallFacts>,
        worst: &Spend,
        attempt: Attempt,
        now: Duration,
    ) -> Result<Reservation, Refusal> {
        let mut tries = 0..TRIES;
        loop {
            let reserved =
                self.ledger
                    .reserve(chain, Arc::clone(call), worst.clone(), attempt, now);
            let Err(Refusal::NeedsGrant { total, account }) = reserved else {
                return reserved;
            };
            if tries.next().is_none() {
                return Err(Refusal::Exhausted(account));
            }
            self.obtain(total, account).await?;
        }
    }

    /// As [`Reservation::top_up`], claiming what is missing.
    ///
    /// # Cancel safety
    ///
    /// As [`GrantKeeper::reserve`].
    pub async fn top_up(&self, call: &mut Reservation, total: &Spend) -> Result<(), Refusal> {
        let mut tries = 0..TRIES;
        loop {
            let topped_up = call.top_up(total);
            let Err(Refusal::NeedsGrant { total, account }) = topped_up else {
                return topped_up;
            };
            if tries.next().is_none() {
                return Err(Refusal::Exhausted(account));
            }
            self.obtain(total, account).await?;
        }
    }

    /// Sees that a node has been granted `total`, if that is to be had.
    async fn obtain(&self, total: i64, state: Box<AccountState>) -> Result<(), Refusal> {
        let spec = Arc::clone(&state.spec);
        let Some(account) = self.ledger.book().account(&spec.id) else {
            return Ok(());
        };
        let mut desk = self.desk.lock().await;
        let wish = {
            let mut balances = account.lock();
            let Some(balance) = balances.of(state.window) else {
                return Ok(());
            };
            if balance.granted >= total {
                // Somebody who waited in front asked for enough.
                return Ok(());
            }
            Wish {
                window: state.window,
                limit: spec.limit,
                total: total.saturating_add(share(spec.limit, balance)),
                account: Arc::clone(&account),
            }
        };
        if self.claim(&mut desk, &[wish]).await.is_ok() {
            return Ok(());
        }
        if spec.on_store_failure == OnStoreFailure::Closed {
            return Err(Refusal::Unavailable(state));
        }
        if let Some(balance) = account.lock().of(state.window) {
            balance.granted = balance.granted.max(total);
        }
        self.ledger.served_unrecorded();
        Ok(())
    }

    /// Claims more where little is left to spend, gives back where much is or nothing happens, and learns what others
    /// hold: at once where nothing is left, and every now and then where nothing happens. To be called a few times a
    /// second.
    pub async fn look(&self, now: Duration) -> Result<(), StoreError> {
        let mut desk = self.desk.lock().await;
        let mut seen = HashMap::new();
        let mut wishes = Vec::new();
        for account in self.ledger.book().accounts() {
            let mut balances = account.lock();
            balances.roll(now);
            let Some(spec) = balances.spec().filter(|spec| spec.shared).cloned() else {
                continue;
            };
            let balance = balances.current();
            let known = balance.granted != 0 || balance.elsewhere != 0 || balance.committed() != 0;
            if !known {
                continue;
            }
            let place = (account.id.clone(), balance.window);
            let committed = balance.committed();
            let looks = match desk.seen.get(&place) {
                Some((before, looks)) if *before == committed => looks.saturating_add(1),
                _ => 0,
            };
            seen.insert(place, (committed, looks));
            let spare = match looks {
                0..IDLE_LOOKS => share(spec.limit, balance),
                _ => 0,
            };
            let free = balance.granted.saturating_sub(committed);
            let used_up = balance.granted.saturating_add(balance.elsewhere) >= spec.limit;
            let repeats = looks % REPEAT_LOOKS == REPEAT_LOOKS - 1;
            if free < spare / 2 || free > spare.saturating_mul(2) || used_up || repeats {
                let total = committed.saturating_add(spare);
                // What is given back is not spent from now on, whether or not the store hears of it.
                balance.granted = balance.granted.min(total);
                wishes.push(Wish {
                    window: balance.window,
                    limit: spec.limit,
                    total,
                    account: Arc::clone(&account),
                });
            }
        }
        desk.seen = seen;
        for wishes in wishes.chunks(BATCH) {
            self.claim(&mut desk, wishes).await?;
        }
        Ok(())
    }

    async fn claim(&self, desk: &mut Desk, wishes: &[Wish]) -> Result<(), StoreError> {
        desk.version = desk.version.saturating_add(1);
        let claim = |wish: &Wish, version| Claim {
            account: wish.account.id.clone(),
            window: wish.window,
            limit: wish.limit,
            node: self.node,
            version,
            total: wish.total,
        };
        let claims: Vec<_> = wishes
            .iter()
            .map(|wish| claim(wish, desk.version))
            .collect();
        let mut answers = self.store.claim(&claims).await?;
        let latest = answers.iter().map(|granted| granted.version).max();
        if latest.is_some_and(|latest| latest > desk.version) {
            // The versions have begun anew below those of the process before.
            desk.version = latest.unwrap_or_default().saturating_add(1);
            let claims: Vec<_> = wishes
                .iter()
                .map(|wish| claim(wish, desk.version))
                .collect();
            answers = self.store.claim(&claims).await?;
        }
        for (wish, granted) in wishes.iter().zip(answers) {
            let Granted {
                mine,
                elsewhere,
                version,
            } = granted;
            if version == desk.version
                && let Some(balance) = wish.account.lock().of(wish.window)
            {
                balance.granted = mine;
                balance.elsewhere = elsewhere;
            }
        }
        Ok(())
    }
}

/// What a node keeps to spend beyond what is committed.
fn share(limit: i64, balance: &Balance) -> i64 {
    let used = balance.committed().saturating_add(balance.elsewhere);
    (limit.saturating_sub(used) / SHARE).max(1)
}
