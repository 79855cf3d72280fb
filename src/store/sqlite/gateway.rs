//! What must be known across restarts to speak to Discord without overdoing it.

use std::time::Duration;

use rusqlite::{OptionalExtension as _, params};

use super::{Store, signed};
use crate::domain::Timestamp;
use crate::store::StoreError;

/// How long an identify counts against Discord's limit (Discord, Gateway, "Identifying": 1000 in 24 hours).
const IDENTIFIES_COUNT_FOR: Duration = Duration::from_hours(24);

impl Store {
    /// Notes that a gateway session was asked for.
    pub async fn identified(&self, at: Timestamp) -> Result<(), StoreError> {
        self.write(move |tx| {
            tx.execute(
                "DELETE FROM gateway_identify WHERE at < ?1",
                [at.before(IDENTIFIES_COUNT_FOR).as_millis()],
            )?;
            tx.execute("INSERT INTO gateway_identify (at) VALUES (?1)", [at.as_millis()])?;
            Ok(())
        })
        .await
    }

    /// When gateway sessions were asked for in the last 24 hours, the latest first.
    pub async fn identifies(&self, at: Timestamp) -> Result<Vec<Timestamp>, StoreError> {
        self.read(move |tx| {
            let mut statement =
                tx.prepare_cached("SELECT at FROM gateway_identify WHERE at >= ?1 ORDER BY at DESC")?;
            let since = at.before(IDENTIFIES_COUNT_FOR).as_millis();
            let rows = statement.query_map([since], |row| Ok(Timestamp::from_millis(row.get(0)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The fingerprint of the commands that were last registered for an application.
    pub async fn registered_commands(&self, application: u64) -> Result<Option<String>, StoreError> {
        self.read(move |tx| {
            Ok(tx
                .query_row(
                    "SELECT hash FROM command_set WHERE application_id = ?1",
                    [signed(application)],
                    |row| row.get(0),
                )
                .optional()?)
        })
        .await
    }

    /// Notes which commands are registered for an application.
    pub async fn commands_registered(&self, application: u64, hash: String) -> Result<(), StoreError> {
        self.write(move |tx| {
            tx.execute(
                "INSERT INTO command_set (application_id, hash) VALUES (?1, ?2)
                 ON CONFLICT (application_id) DO UPDATE SET hash = excluded.hash",
                params![signed(application), hash],
            )?;
            Ok(())
        })
        .await
    }
}
