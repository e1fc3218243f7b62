//! What nodes leave alone for a while.

use std::time::Duration;

use crate::error::StoreError;
use crate::redis::Redis;
use crate::redis::number::{argument, numbers, unexpected};
use crate::redis::script::{PARK, PARKED};

impl Redis {
    /// Parks something, a provider's credential for instance, for every node. What is parked for longer already stays
    /// so. At most a day.
    pub async fn park(&self, name: &str, time: Duration) -> Result<(), StoreError> {
        let millis = time.min(LONGEST).as_millis().max(1);
        let keys = [self.name("cooldown", name)];
        let arguments = [argument(i64::try_from(millis).unwrap_or(i64::MAX))];
        self.run(&PARK, &keys, &arguments).await.map(|_| ())
    }

    /// For how long each of these is parked still; zero for what is not.
    pub async fn parked(&self, names: &[&str]) -> Result<Vec<Duration>, StoreError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<String> = names
            .iter()
            .map(|name| self.name("cooldown", name))
            .collect();
        let left = numbers(&self.run(&PARKED, &keys, &[]).await?)?;
        if left.len() != names.len() {
            return Err(unexpected());
        }
        Ok(left
            .into_iter()
            .map(|millis| Duration::from_millis(u64::try_from(millis).unwrap_or_default()))
            .collect())
    }
}

const LONGEST: Duration = Duration::from_hours(24);
