//! Chain time on the timeline and in expectations, put into seconds once the chain is known.

use std::time::Duration;

use super::document::{EntryDocument, ExpectationDocument, Moment};
use crate::genesis::Chain;
use crate::text::chain_time::{ChainTime, Lapse};
use crate::text::units::Time;
use crate::text::{Diagnostic, Sp, Span};

/// Stands for a length that is not known because of a mistake. Not zero, which would be a mistake of its own.
const STAND_IN: Time = Time(Duration::from_secs(1));

/// Replaces what is counted on a chain by seconds, and collects what cannot be. `chain` is `Err` if it holds a mistake
/// itself: nothing more is said of it then.
pub(super) struct Settler<'a> {
    pub(super) chain: Result<Option<&'a Chain>, ()>,
    pub(super) mistakes: &'a mut Vec<Diagnostic>,
}

impl Settler<'_> {
    pub(super) fn entry(&mut self, entry: &mut EntryDocument) {
        for moment in [&mut entry.at, &mut entry.until] {
            self.moment(moment.as_mut());
        }
        for lapse in [&mut entry.delay, &mut entry.lasting, &mut entry.every] {
            self.lapse(lapse.as_mut());
        }
    }

    pub(super) fn expectation(&mut self, expectation: &mut ExpectationDocument) {
        self.moment(expectation.at.as_mut());
        self.lapse(expectation.within.as_mut());
    }

    fn moment(&mut self, moment: Option<&mut Sp<Moment>>) {
        let Some(moment) = moment else { return };
        if let Moment::Time(lapse) = &mut moment.value {
            self.settle(lapse, moment.span);
        }
    }

    fn lapse(&mut self, lapse: Option<&mut Sp<Lapse>>) {
        if let Some(lapse) = lapse {
            self.settle(&mut lapse.value, lapse.span);
        }
    }

    fn settle(&mut self, lapse: &mut Lapse, span: Span) {
        let Lapse::Chain(time) = *lapse else { return };
        let seconds = self.seconds(time, span).unwrap_or_else(|mistake| {
            self.mistakes.extend(mistake);
            STAND_IN
        });
        *lapse = Lapse::Clock(seconds);
    }

    fn seconds(&self, time: ChainTime, span: Span) -> Result<Time, Option<Diagnostic>> {
        let Some(chain) = self.chain.map_err(|()| None)? else {
            let mistake = Diagnostic::error("this scenario has no `chain:` whose time could be counted");
            return Err(Some(mistake.at(span, "chain time").help("write it in seconds")));
        };
        time.on(&chain.clock()).map(Time).map_err(|mistake| {
            let told = mistake.at(span);
            Some(match chain.place() {
                Some(place) => told.at(place, "the chain"),
                None => told,
            })
        })
    }
}
