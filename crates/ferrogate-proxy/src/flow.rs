//! One request's way: its site's routes, step by step, until one of them has answered.

use std::borrow::Cow;
use std::sync::Arc;

use ferrogate_edge::{Cursor, Handled, ProxyRoute, Verdict};
use ferrogate_observability::RequestKind;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING, WWW_AUTHENTICATE};
use http::{Method, StatusCode};
use pingora_error::{ErrorType, Result};
use pingora_http::ResponseHeader;
use pingora_proxy::Session;

use crate::answer::{self, Reply};
use crate::builtin::Builtin;
use crate::context::RequestContext;
use crate::deliver::{self, Delivered};
use crate::head::{Request, Response, authority};
use crate::made::{Body, Made};
use crate::proxying::{self, Trouble, Upload, tunnel};
use crate::snapshot::{ListenerState, SiteState};
use crate::{Shared, Snapshot, ai, files, password, record};

/// What a step came to.
enum Step {
    /// The walk goes on behind the directive.
    On,
    /// The request is answered, or nobody waits for an answer any more.
    Done,
    /// This is the answer.
    Send(Box<Made>),
    /// The request fails.
    Fail(u16, Cow<'static, str>),
}

/// The request under way.
struct Flow<'a> {
    shared: &'a Arc<Shared>,
    snapshot: Arc<Snapshot>,
    listener: usize,
    session: &'a mut Session,
    context: &'a mut RequestContext,
    /// The answer that `handle_response` routes are dealing with.
    held: Option<Held>,
}

/// An answer that routes deal with before it is sent, if it is.
struct Held {
    made: Box<Made>,
    /// The proxy whose `header_down` is still to be applied to it.
    route: Option<Arc<ProxyRoute>>,
}

/// Finds the site and runs its routes until the request is answered.
pub(crate) async fn run(
    shared: &Arc<Shared>,
    listener: usize,
    session: &mut Session,
    context: &mut RequestContext,
) -> Result<()> {
    let snapshot = Arc::clone(&context.snapshot);
    let found = snapshot
        .listeners
        .get(listener)
        .and_then(|listener| listener.hosts.find(authority(session.req_header())))
        .and_then(|index| Some((index, snapshot.sites.get(index)?)));
    let mut flow = Flow {
        shared,
        snapshot: Arc::clone(&snapshot),
        listener,
        session,
        context,
        held: None,
    };
    let header = flow.session.req_header();
    if header.method == Method::OPTIONS && header.raw_path() == b"*" {
        // It asks about the server as a whole, not about any site. Source: RFC 9110, section 9.3.7.
        return flow.bare(200).await;
    }
    match found {
        Some((index, site)) => {
            flow.context.site = Some(index);
            flow.context.received = record::received(site, flow.session.req_header());
            flow.walk(site).await
        }
        None => flow.unhandled().await,
    }
}

impl Flow<'_> {
    async fn walk(&mut self, site: &SiteState) -> Result<()> {
        let program = &site.program;
        let mut cursor = program.start();
        loop {
            let verdict = self.verdict(site, &mut cursor);
            let step = match verdict {
                Verdict::Unhandled if self.holds_intercepted() => match self.held.take() {
                    // Nobody dealt with it: it goes its way.
                    Some(held) => Step::Send(held.made),
                    None => Step::On,
                },
                Verdict::Unhandled if self.context.exchange.error_status().is_some() => {
                    let status = self.context.exchange.error_status().unwrap_or(500);
                    Step::Send(Box::new(Made::bare(status)?))
                }
                Verdict::Unhandled => return self.unhandled().await,
                verdict => self.step(verdict, site, &mut cursor).await?,
            };
            let step = match step {
                Step::Send(mut made) => {
                    self.take_over(&mut made.header)?;
                    match self.deliver(*made).await {
                        Ok(Delivered::Done) => return Ok(()),
                        Ok(Delivered::Intercepted(routes, made)) => {
                            self.held = Some(Held { made, route: None });
                            program.handle_response(&mut cursor, routes);
                            continue;
                        }
                        Err(error) => match error.etype() {
                            ErrorType::HTTPStatus(status) => {
                                let message = error.context.as_ref().map(ToString::to_string);
                                Step::Fail(*status, message.unwrap_or_default().into())
                            }
                            _ => return Err(error),
                        },
                    }
                }
                step => step,
            };
            match step {
                Step::On | Step::Send(_) => {}
                Step::Done => return Ok(()),
                Step::Fail(status, message) => {
                    let first = self.context.exchange.error_status();
                    if self.context.error.is_empty() {
                        self.context.error.clone_from(&message);
                    }
                    self.held = None;
                    if !self.enter_errors(site, &mut cursor, status, message) {
                        return self.bare(first.unwrap_or(status)).await;
                    }
                }
            }
        }
    }

    /// Whether the answer being dealt with came from an `intercept`. One of a proxy that nobody sends is dropped.
    fn holds_intercepted(&self) -> bool {
        self.held.as_ref().is_some_and(|held| held.route.is_none())
    }

    fn verdict(&mut self, site: &SiteState, cursor: &mut Cursor) -> Verdict {
        let gateways = &self.snapshot.gateways;
        let named = ai::names_provider(&self.session.req_header().headers);
        let serves = |gateway: usize, path: &str| {
            gateways
                .get(gateway)
                .is_some_and(|gateway| gateway.serves(path, named))
        };
        site.program.run(
            cursor,
            &mut Request(self.session.req_header_mut()),
            &self.context.connection,
            &mut self.context.exchange,
            &serves,
        )
    }

    fn enter_errors(
        &mut self,
        site: &SiteState,
        cursor: &mut Cursor,
        status: u16,
        message: Cow<'static, str>,
    ) -> bool {
        site.program.fail(
            cursor,
            &mut Request(self.session.req_header_mut()),
            &mut self.context.exchange,
            status,
            message.into_owned(),
        )
    }

    async fn step(
        &mut self,
        verdict: Verdict,
        site: &SiteState,
        cursor: &mut Cursor,
    ) -> Result<Step> {
        Ok(match verdict {
            Verdict::Respond(answer) => Step::Send(Box::new(Made::answer(answer)?)),
            Verdict::Abort => {
                self.context.error = Cow::Borrowed("aborted by the site");
                self.session.set_keepalive(None);
                self.session.as_downstream_mut().shutdown().await;
                Step::Done
            }
            Verdict::Fail { status, message } => Step::Fail(status, message.into()),
            Verdict::Proxy(route) => self.proxy(&route, site, cursor).await?,
            Verdict::AiGateway(index) => self.model_call(index, site, cursor).await?,
            Verdict::Authenticate(auth) => {
                let headers = &self.session.req_header().headers;
                match password::check(&self.shared.passwords, &auth, headers).await {
                    Ok(user) => {
                        self.context.exchange.set_user(&user);
                        Step::On
                    }
                    Err(password::Refused::Unknown) => {
                        let challenge = auth.challenge().clone();
                        self.context
                            .exchange
                            .set_response_header(WWW_AUTHENTICATE, challenge);
                        Step::Fail(401, Cow::Borrowed("not authenticated"))
                    }
                    Err(password::Refused::Busy) => {
                        Step::Fail(503, Cow::Borrowed("too many passwords to check"))
                    }
                }
            }
            Verdict::Files(route) => {
                match files::serve(&route, self.session, self.context).await? {
                    files::Outcome::Send(made) => Step::Send(made),
                    files::Outcome::On => Step::On,
                    files::Outcome::Fail(status, message) => Step::Fail(status, message),
                }
            }
            Verdict::CopyResponse(status) => match self.held.take() {
                Some(Held { mut made, route }) => {
                    if let Some(route) = route {
                        self.header_down(&route, &mut made.header);
                    }
                    if let Some(status) = status {
                        made.header.set_status(status)?;
                    }
                    Step::Send(made)
                }
                None => Step::Fail(500, Cow::Borrowed("there is no answer to copy")),
            },
            Verdict::Metrics => {
                self.context.kind = RequestKind::Builtin;
                Step::Send(Box::new(Made::text(
                    200,
                    "text/plain; version=0.0.4; charset=utf-8",
                    self.shared.metrics.render(),
                )?))
            }
            Verdict::Unhandled => Step::On,
        })
    }

    async fn proxy(
        &mut self,
        route: &Arc<ProxyRoute>,
        site: &SiteState,
        cursor: &mut Cursor,
    ) -> Result<Step> {
        self.context.kind = RequestKind::Proxy;
        let snapshot = Arc::clone(&self.snapshot);
        let listener = snapshot.listeners.get(self.listener);
        let trusted = listener.is_some_and(|listener| {
            route.trusts(&self.context.connection, &listener.trusted_proxies)
        });
        let upload = match self.upload(listener) {
            Ok(upload) => upload,
            Err(trouble) => return Ok(self.troubled(trouble)),
        };
        let answered = Box::pin(proxying::run(
            self.shared,
            self.session,
            self.context,
            route,
            trusted,
            upload,
        ))
        .await;
        let (mut header, answer) = match answered {
            Ok(answered) => answered,
            Err(trouble) => return Ok(self.troubled(trouble)),
        };
        if header.status == StatusCode::SWITCHING_PROTOCOLS && answer.is_upgraded() {
            return self.upgrade(route, header, answer).await;
        }
        let handled = route.on_answer(
            &Request(self.session.req_header_mut()),
            &self.context.connection,
            &self.context.exchange,
            header.status.as_u16(),
            &header.headers,
        );
        match handled {
            Ok(None) => {}
            Ok(Some(Handled::Status(status))) => header.set_status(status)?,
            Ok(Some(Handled::Routes(routes))) => {
                let made = Box::new(Made {
                    header,
                    body: Body::Upstream(Box::new(answer)),
                    close: false,
                });
                let route = Some(Arc::clone(route));
                self.held = Some(Held { made, route });
                site.program.handle_response(cursor, routes);
                return Ok(Step::On);
            }
            Err((status, message)) => return Ok(Step::Fail(status, message.into())),
        }
        self.header_down(route, &mut header);
        let mut body = Body::Upstream(Box::new(answer));
        if let Some(limit) = route.spec().response_buffers {
            body = match body.buffered(self.session, limit, &mut header).await {
                Ok(body) => body,
                Err(trouble) => return Ok(self.troubled(trouble.into())),
            };
        }
        Ok(Step::Send(Box::new(Made {
            header,
            body,
            close: false,
        })))
    }

    /// Takes fields of the answer being dealt with over into the one that is sent in its place.
    fn take_over(&mut self, header: &mut ResponseHeader) -> Result<()> {
        let Some(held) = self.held.take() else {
            return Ok(());
        };
        for (name, value) in &held.made.header.headers {
            let framing = *name == CONTENT_LENGTH || *name == TRANSFER_ENCODING;
            if framing || !self.context.exchange.takes_over(name) {
                continue;
            }
            // What routes answer is of the type they took over.
            if *name == CONTENT_TYPE {
                header.insert_header(name.clone(), value.clone())?;
            } else {
                header.append_header(name.clone(), value.clone())?;
            }
        }
        Ok(())
    }

    fn header_down(&mut self, route: &ProxyRoute, header: &mut ResponseHeader) {
        route.apply_header_down(
            &Request(self.session.req_header_mut()),
            &self.context.connection,
            &self.context.exchange,
            &mut Response(header),
        );
    }

    fn upload(&mut self, listener: Option<&ListenerState>) -> Result<Upload, Trouble> {
        let exchange = &self.context.exchange;
        let patience = exchange
            .read_timeout()
            .or(listener.map(|listener| listener.read_timeout))
            .unwrap_or(ai::PIECE);
        let mut upload = Upload::new(self.session, exchange.body_limit(), patience)?;
        if let Some(body) = exchange.body_replacement() {
            upload.replace(body.clone());
        }
        if let Some(limit) = exchange.write_timeout() {
            self.session.set_write_timeout(Some(limit));
        }
        Ok(upload)
    }

    async fn upgrade(
        &mut self,
        route: &ProxyRoute,
        mut header: ResponseHeader,
        answer: proxying::UpstreamAnswer,
    ) -> Result<Step> {
        self.header_down(route, &mut header);
        deliver::finish_header(self.session, self.context, &mut header, None)?;
        self.session
            .write_response_header(Box::new(header), false)
            .await?;
        tunnel::run(self.session, answer, route.spec().stream_timeout).await;
        Ok(Step::Done)
    }

    async fn model_call(
        &mut self,
        index: usize,
        site: &SiteState,
        cursor: &mut Cursor,
    ) -> Result<Step> {
        let Some(gateway) = self.snapshot.gateways.get(index).map(Arc::clone) else {
            return Ok(Step::On);
        };
        // On the heap, so that requests of other kinds do not carry its room.
        let handled = ai::handle(self.shared, &gateway, self.session, self.context);
        Box::pin(handled).await?;
        if let Some((routes, made)) = self.context.intercepted.take() {
            self.held = Some(Held { made, route: None });
            site.program.handle_response(cursor, routes);
            return Ok(Step::On);
        }
        Ok(Step::Done)
    }

    fn troubled(&mut self, trouble: Trouble) -> Step {
        match trouble {
            Trouble::Fail { status, message } => {
                if matches!(status, 400 | 408 | 413) {
                    // Where the client's body ends is not known any more: what follows is no request.
                    self.session.set_keepalive(None);
                }
                Step::Fail(status, message.into())
            }
            Trouble::ClientGone => {
                self.context.client_gone = true;
                self.session.set_keepalive(None);
                Step::Done
            }
        }
    }

    async fn deliver(&mut self, made: Made) -> Result<Delivered> {
        deliver::deliver(self.session, self.context, made).await
    }

    /// An error that no route answers: the status, and what was set so far.
    async fn bare(&mut self, status: u16) -> Result<()> {
        self.deliver(Made::bare(status)?).await.map(drop)
    }

    /// What no route answers.
    async fn unhandled(&mut self) -> Result<()> {
        let probe =
            Builtin::at(self.session.req_header().uri.path()).filter(|builtin| builtin.is_public());
        let reply = match probe {
            Some(probe) => {
                self.context.kind = RequestKind::Builtin;
                let method = &self.session.req_header().method;
                probe.answer(method, self.shared, &self.context.snapshot)
            }
            // Caddy's answer to what nobody handles; see docs/caddyfile.md.
            None => Reply::bare(200),
        };
        answer::send(self.session, self.context, reply).await
    }
}
