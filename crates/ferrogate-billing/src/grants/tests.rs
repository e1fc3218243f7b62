use std::sync::Arc;
use std::time::Duration;

use ferrogate_types::{Subject, Usage};
use parking_lot::Mutex;
use proptest::prelude::*;

use super::*;
use crate::ledger::tests::{NOW, call};
use crate::{
    AccountSpec, Attempt, Chain, Charge, Ledger, OnExceed, OnStoreFailure, Period, Posting,
    Refusal, Reservation, Spend, Unit, Zone,
};

const LIMIT: i64 = 200;

/// A store behind a network: messages get lost, and come late.
#[derive(Debug, Default)]
struct Network {
    grants: MemoryGrants,
    late: Mutex<Vec<Vec<Claim>>>,
    fault: Mutex<Fault>,
}

#[derive(Clone, Copy, Debug, Default)]
enum Fault {
    #[default]
    None,
    Asking,
    Answering,
    Late,
}

#[async_trait]
impl GrantStore for Network {
    async fn claim(&self, claims: &[Claim]) -> Result<Vec<Granted>, StoreError> {
        let away = || Err(StoreError::Unavailable("away".into()));
        let fault = *self.fault.lock();
        match fault {
            Fault::None => self.grants.claim(claims).await,
            Fault::Asking => away(),
            Fault::Answering => {
                self.grants.claim(claims).await?;
                away()
            }
            Fault::Late => {
                self.late.lock().push(claims.to_vec());
                away()
            }
        }
    }
}

struct Node {
    id: NodeId,
    ledger: Ledger,
    keeper: GrantKeeper<Network>,
    chain: Arc<Chain>,
    open: Vec<Reservation>,
}

fn spec(on_store_failure: OnStoreFailure) -> AccountSpec {
    AccountSpec {
        id: "everybody".parse().unwrap(),
        subject: Subject::Global,
        unit: Unit::Tokens,
        limit: LIMIT,
        period: Period::Day,
        zone: Zone::UTC,
        on_exceed: OnExceed::Block,
        on_store_failure,
        shared: true,
    }
}

fn window() -> Window {
    Period::Day.window_at(Zone::UTC, NOW)
}

impl Node {
    /// A node that has spent some already.
    fn start(id: u64, network: &Arc<Network>, spent: i64, now: Duration) -> Self {
        Self::with(spec(OnStoreFailure::Closed), id, network, spent, now)
    }

    fn with(spec: AccountSpec, id: u64, network: &Arc<Network>, spent: i64, now: Duration) -> Self {
        let ledger = Ledger::in_memory();
        let account = spec.id.clone();
        let posting = Posting {
            account: account.clone(),
            unit: Unit::Tokens,
            window: window(),
            amount: spent,
        };
        ledger.adopt(vec![posting]).unwrap();
        ledger.book().define([spec], NOW);
        let id = NodeId(id);
        Self {
            id,
            chain: ledger.book().chain([&account]),
            keeper: GrantKeeper::new(&ledger, Arc::clone(network), id, now),
            ledger,
            open: Vec::new(),
        }
    }

    async fn reserve(&self, total: u64) -> Result<Reservation, Refusal> {
        self.keeper
            .reserve(&self.chain, &call(), &tokens(total), Attempt::Asked, NOW)
            .await
    }

    fn committed(&self) -> i64 {
        let state = &self.chain.states(NOW)[0];
        state.spent + state.reserved
    }
}

fn tokens(total: u64) -> Spend {
    Spend {
        usage: Usage {
            input: total,
            ..Usage::default()
        },
        cost: None,
    }
}

fn charge(total: u64) -> Charge {
    Charge {
        spend: tokens(total),
        provider: None,
        upstream_model: None,
        price: None,
        estimated: false,
    }
}

#[tokio::test]
async fn nodes_share_a_limit_to_the_last_token() {
    let network = Arc::new(Network::default());
    let nodes: Vec<_> = (0..3).map(|id| Node::start(id, &network, 0, NOW)).collect();
    let mut spent = 0;
    for round in 0..LIMIT * 2 {
        let node = &nodes[usize::try_from(round % 3).unwrap()];
        if let Ok(call) = node.reserve(1).await {
            call.settle(charge(1), NOW);
            spent += 1;
        }
        for node in &nodes {
            node.keeper.look(NOW).await.unwrap();
        }
    }
    assert_eq!(spent, LIMIT, "nothing is left over");
    assert_eq!(
        network
            .grants
            .granted(&spec(OnStoreFailure::Closed).id, window()),
        LIMIT
    );
    let refusal = nodes[0].reserve(1).await.unwrap_err();
    assert!(matches!(refusal, Refusal::Exhausted(_)));
    assert_eq!(refusal.account().left(), 0);
    assert_eq!(refusal.account().spent + refusal.account().elsewhere, LIMIT);
}

#[tokio::test]
async fn an_idle_node_gives_back_what_another_needs() {
    let network = Arc::new(Network::default());
    let (idle, busy) = (
        Node::start(1, &network, 0, NOW),
        Node::start(2, &network, 0, NOW),
    );
    idle.reserve(10).await.unwrap().settle(charge(10), NOW);
    assert!(busy.reserve(190).await.is_err());
    for _ in 0..20 {
        idle.keeper.look(NOW).await.unwrap();
    }
    assert!(busy.reserve(191).await.is_err());
    busy.keeper.look(NOW).await.unwrap();
    busy.reserve(190).await.unwrap().settle(charge(190), NOW);
}

#[tokio::test]
async fn asks_for_more_before_it_has_run_out() {
    let network = Arc::new(Network::default());
    let node = Node::start(1, &network, 0, NOW);
    node.reserve(1).await.unwrap().settle(charge(1), NOW);
    *network.fault.lock() = Fault::None;
    for _ in 0..100 {
        // Without the keeper's help: what was granted before is enough.
        let call = node
            .ledger
            .reserve(&node.chain, call(), tokens(1), Attempt::Asked, NOW);
        call.unwrap().settle(charge(1), NOW);
        node.keeper.look(NOW).await.unwrap();
    }
}

#[tokio::test]
async fn without_the_store_each_budget_does_what_it_says() {
    let network = Arc::new(Network::default());
    *network.fault.lock() = Fault::Asking;
    let closed = Node::start(1, &network, 0, NOW);
    assert!(matches!(
        closed.reserve(1).await,
        Err(Refusal::Unavailable(_))
    ));
    let open = Node::with(spec(OnStoreFailure::Open), 2, &network, 0, NOW);
    open.reserve(100).await.unwrap().settle(charge(100), NOW);
    assert_eq!(open.ledger.health().unrecorded, 1);
    let refusal = open.reserve(101).await.unwrap_err();
    assert!(
        matches!(refusal, Refusal::Exhausted(_)),
        "a limit it is even so"
    );
}

#[derive(Clone, Debug)]
enum Step {
    Reserve { node: usize, total: u64 },
    TopUp { node: usize, total: u64 },
    Settle { node: usize, used: u64 },
    Release { node: usize },
    Look { node: usize },
    Dies { node: usize },
    Restarts { node: usize, clock_back: bool },
    Fault(u8),
    Arrives,
}

fn step() -> impl Strategy<Value = Step> {
    let node = 0_usize..3;
    prop_oneof![
        5 => (node.clone(), 1_u64..40).prop_map(|(node, total)| Step::Reserve { node, total }),
        1 => (node.clone(), 1_u64..60).prop_map(|(node, total)| Step::TopUp { node, total }),
        3 => (node.clone(), 0_u64..40).prop_map(|(node, used)| Step::Settle { node, used }),
        2 => node.clone().prop_map(|node| Step::Release { node }),
        4 => node.clone().prop_map(|node| Step::Look { node }),
        1 => node.clone().prop_map(|node| Step::Dies { node }),
        1 => (node, any::<bool>()).prop_map(|(node, clock_back)| Step::Restarts { node, clock_back }),
        2 => (0_u8..6).prop_map(Step::Fault),
        2 => Just(Step::Arrives),
    ]
}

proptest! {
    #[test]
    fn nodes_never_exceed_the_limit_together(steps in proptest::collection::vec(step(), 1..150)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let network = Arc::new(Network::default());
            let mut nodes: Vec<_> = (0..3).map(|id| Node::start(id, &network, 0, NOW)).collect();
            let mut dead = 0;
            let mut next_id = 3;
            for step in steps {
                match step {
                    Step::Reserve { node, total } => {
                        let reserved = nodes[node].reserve(total).await;
                        nodes[node].open.extend(reserved);
                    }
                    Step::TopUp { node, total } => {
                        if let Some(mut call) = nodes[node].open.pop() {
                            drop(nodes[node].keeper.top_up(&mut call, &tokens(total)).await);
                            nodes[node].open.push(call);
                        }
                    }
                    Step::Settle { node, used } => {
                        if let Some(mut call) = nodes[node].open.pop() {
                            // What is used was held before.
                            if nodes[node].keeper.top_up(&mut call, &tokens(used)).await.is_ok() {
                                call.settle(charge(used), NOW);
                            }
                        }
                    }
                    Step::Release { node } => drop(nodes[node].open.pop()),
                    Step::Look { node } => drop(nodes[node].keeper.look(NOW).await),
                    Step::Dies { node } => {
                        dead += nodes[node].committed();
                        nodes[node] = Node::start(next_id, &network, 0, NOW);
                        next_id += 1;
                    }
                    Step::Restarts { node, clock_back } => {
                        // What was under way is charged as uncertain.
                        let now = if clock_back { Duration::ZERO } else { NOW + Duration::from_secs(9) };
                        let (id, spent) = (nodes[node].id.0, nodes[node].committed());
                        nodes[node] = Node::start(id, &network, spent, now);
                    }
                    Step::Fault(kind) => {
                        *network.fault.lock() = match kind {
                            0 => Fault::Asking,
                            1 => Fault::Answering,
                            2 => Fault::Late,
                            _ => Fault::None,
                        };
                    }
                    Step::Arrives => {
                        let late = network.late.lock().pop();
                        if let Some(claims) = late {
                            network.grants.claim(&claims).await.unwrap();
                        }
                    }
                }
                let granted = network.grants.granted(&spec(OnStoreFailure::Closed).id, window());
                let committed: i64 = nodes.iter().map(Node::committed).sum();
                prop_assert!(granted <= LIMIT, "{granted} granted");
                prop_assert!(committed + dead <= LIMIT, "{committed} and {dead}");
            }
            Ok(())
        })?;
    }
}
