//! What Redis runs for us.

/// A script. Redis knows it by the SHA-1 of its text once it has run it.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) text: &'static str,
    /// Which one it is: where the client keeps Redis' name for it.
    pub(super) index: usize,
}

pub(super) const CLAIM: Script = Script {
    text: include_str!("scripts/claim.lua"),
    index: 0,
};
pub(super) const TAKE: Script = Script {
    text: include_str!("scripts/take.lua"),
    index: 1,
};
pub(super) const SETTLE: Script = Script {
    text: include_str!("scripts/settle.lua"),
    index: 2,
};
pub(super) const PARK: Script = Script {
    text: include_str!("scripts/park.lua"),
    index: 3,
};
pub(super) const PARKED: Script = Script {
    text: include_str!("scripts/parked.lua"),
    index: 4,
};

/// How many there are.
pub(super) const SCRIPTS: usize = 5;
