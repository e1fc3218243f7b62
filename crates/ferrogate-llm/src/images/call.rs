//! A request on its way to a provider.

use std::borrow::Cow;

use super::request::Member;
use super::{ImageDialect, ImageRequest};
use crate::Lossy;
use crate::chat::Source;
use crate::protocol::Untranslatable;

/// One call of those that answer a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call<'r, 'a> {
    /// What it is written in.
    pub(super) dialect: ImageDialect,
    pub(super) request: &'r ImageRequest<'a>,
    /// What the provider calls the model.
    pub(super) model: &'r str,
    /// Pictures this call makes.
    pub(super) pictures: u64,
    /// The caller's seed, one more for each picture of the calls before: with the same one they would be the same.
    seed: Option<u64>,
}

impl<'r, 'a> Call<'r, 'a> {
    /// One of the calls for a request, counted from 0.
    pub(super) fn new(
        dialect: ImageDialect,
        request: &'r ImageRequest<'a>,
        model: &'r str,
        place: u64,
    ) -> Self {
        let most = dialect.most_per_call();
        let before = place.saturating_mul(most);
        Self {
            dialect,
            request,
            model,
            pictures: request.n.saturating_sub(before).min(most),
            seed: request.seed.map(|seed| seed.saturating_add(before)),
        }
    }

    /// Whether two calls for one request say the same.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        (self.pictures, self.seed) == (other.pictures, other.seed)
    }

    /// The seed, unless one of this request's is above what the provider takes: then none is sent.
    pub(super) fn seed_up_to(&self, most: u64) -> Option<u64> {
        let last = self.request.seed?.checked_add(self.request.n)?;
        self.seed.filter(|_| last <= most)
    }

    /// Notes every member of OpenAI's that asks for something and is not among those carried.
    pub(super) fn lose_all_but(&self, carried: &[Member], lossy: &mut Lossy) {
        for member in Member::ALL {
            if member == Member::ResponseFormat {
                self.response_format(lossy);
            } else if self.request.asks(member) && !carried.contains(&member) {
                lossy.lose_named(member.name());
            }
        }
        self.lose_others(lossy);
    }

    /// A picture comes as the provider gives it.
    fn response_format(&self, lossy: &mut Lossy) {
        let given = if self.dialect.gives_urls() {
            "url"
        } else {
            "b64_json"
        };
        let asked = self.request.response_format.as_deref();
        if asked.is_some_and(|asked| asked != given) {
            lossy.lose_named(Member::ResponseFormat.name());
        }
    }

    /// Notes the members that this provider's models have no input for.
    pub(super) fn lose_extra(&self, lossy: &mut Lossy) {
        lossy.lose_members("", &self.request.extra);
    }

    /// Notes what nobody but OpenAI knows.
    fn lose_others(&self, lossy: &mut Lossy) {
        for name in &self.request.others {
            lossy.lose_named(name.clone().into_owned());
        }
    }

    /// A member for providers whose models have inputs of their own, unless the caller wrote that one himself.
    pub(super) fn unless_own<T>(&self, name: &str, value: Option<T>) -> Option<T> {
        value.filter(|_| self.request.extra.peek(name).is_none())
    }

    /// The pictures that are edited, as media type and base64.
    pub(super) fn sources(
        &self,
    ) -> impl Iterator<Item = Result<(&'r str, &'r str), Untranslatable>> {
        self.request
            .pictures
            .iter()
            .map(|source| data("image", source))
    }

    /// The only picture that is edited.
    pub(super) fn one_source(&self) -> Result<&'r str, Untranslatable> {
        match self.request.pictures.as_slice() {
            [source] => data("image", source).map(|(_, base64)| base64),
            _ => Err(Untranslatable::new(
                "image",
                "this provider edits one picture at a time",
            )),
        }
    }

    /// An error where pictures are given.
    pub(super) fn no_source(&self) -> Result<(), Untranslatable> {
        if self.request.pictures.is_empty() {
            return Ok(());
        }
        Err(Untranslatable::new(
            "image",
            "this provider's model makes pictures from a text only",
        ))
    }

    /// The mask as base64.
    pub(super) fn mask(&self) -> Result<Option<&'r str>, Untranslatable> {
        let mask = self.request.mask.as_ref();
        mask.map(|source| data("mask", source).map(|(_, base64)| base64))
            .transpose()
    }

    /// An error where a mask is given.
    pub(super) fn no_mask(&self) -> Result<(), Untranslatable> {
        match self.request.mask {
            None => Ok(()),
            Some(_) => Err(Untranslatable::new(
                "mask",
                "this provider's model takes no mask: say in the prompt what is to be changed",
            )),
        }
    }

    /// Whether pictures of that format are asked for, by OpenAI's word for it.
    pub(super) fn format(&self) -> Option<&'r str> {
        self.request.output_format.as_ref().map(Cow::as_ref)
    }
}

fn data<'r>(
    member: &'static str,
    source: &'r Source<'_>,
) -> Result<(&'r str, &'r str), Untranslatable> {
    match source {
        Source::Data { media_type, base64 } => Ok((media_type, base64)),
        _ => Err(Untranslatable::new(
            member,
            "this provider takes pictures as data only: send the bytes",
        )),
    }
}
