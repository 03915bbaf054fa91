//! `chain: {genesis: clique, …}` to [`Clique`].

use std::collections::BTreeMap;
use std::time::Duration;

use super::document::ChainDocument;
use super::{Checker, Clique, accounts};

impl Clique {
    pub(super) fn from_document(document: &ChainDocument, checker: &mut Checker) -> Self {
        let period = document.period.as_ref().map_or(Duration::from_secs(2), |period| {
            let time = period.value.0;
            if time.is_zero() || time.subsec_nanos() != 0 {
                checker.refuse(
                    period.span,
                    "clique counts its period in whole seconds, at least one",
                    "write for example `period: 2s`",
                );
            }
            time
        });
        if let Some(sealers) = document.sealers.as_ref().filter(|sealers| sealers.value == 0) {
            checker.refuse(
                sealers.span,
                "a clique chain without sealers makes no block",
                "leave it out for all validators",
            );
        }
        let accounts = accounts::number(document, checker);
        let gas_limit = accounts::gas_limit(document, checker);
        let chain_id = accounts::chain_id(document, checker);
        let alloc = accounts::alloc(document, checker);
        let sealers = document.sealers.as_ref().map(|sealers| sealers.value);
        let genesis_delay = document.genesis_delay.as_ref().map(|delay| delay.value.0);
        Self { period, sealers, accounts, gas_limit, chain_id, genesis_delay, alloc }
    }

    /// Values of `{chain.KEY}` that are known without keys.
    pub fn template_values(&self, genesis_json: String) -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            ("chain_id", self.chain_id.to_string()),
            ("period", self.period.as_secs().to_string()),
            ("gas_limit", self.gas_limit.to_string()),
            ("genesis_json", genesis_json),
        ])
    }
}
