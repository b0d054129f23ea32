//! Which names are asked for (glibc, `__res_context_search` and `__res_context_query`).

use super::exchange::{self, Reply};
use super::message::{self, Answer, Kind};
use super::{Beyond, Failure, HOST_NOT_FOUND, NO_DATA, NO_RECOVERY, TRY_AGAIN};
use crate::glibc::resolver::Settings;
use crate::task::Thread;

// RCODEs (RFC 1035, 4.1.1).
const NO_ERROR: u8 = 0;
const SERVER_FAILURE: u8 = 2;
const NAME_ERROR: u8 = 3;

/// The answers about `name` that count, from the calling thread `me`, by `settings`.
pub fn look_up(
    me: &'static Thread,
    settings: &Settings,
    name: &str,
    kinds: &[Kind],
) -> Result<Result<Vec<Answer>, Failure>, Beyond> {
    if !message::is_ordinary(name) {
        return Err(Beyond);
    }
    let mut search = Search {
        me,
        settings,
        kinds,
        code: 0,
    };
    search.run(name)
}

/// The answers about the very name `name`, which is ordinary, from the calling thread `me`.
pub fn query(
    me: &'static Thread,
    settings: &Settings,
    name: &str,
    kinds: &[Kind],
) -> Result<Result<Vec<Answer>, Failure>, Beyond> {
    let mut search = Search {
        me,
        settings,
        kinds,
        code: 0,
    };
    search.ask(name)
}

struct Search<'a> {
    me: &'static Thread,
    settings: &'a Settings,
    kinds: &'a [Kind],
    /// See [`Reply`].
    code: u8,
}

impl Search<'_> {
    fn run(&mut self, name: &str) -> Result<Result<Vec<Answer>, Failure>, Beyond> {
        let settings = self.settings;
        let dots = name.bytes().filter(|&byte| byte == b'.').count();
        let is_whole = name.ends_with('.');
        let mut as_is = None;
        if dots >= settings.dots || is_whole {
            match self.ask(name)? {
                Err(failure) if !is_whole => as_is = Some(failure),
                result => return Ok(result),
            }
        }
        let searches = if dots == 0 {
            settings.completes()
        } else {
            settings.searches() && !is_whole
        };
        let (mut has_no_data, mut has_failed, mut has_root) = (false, false, false);
        // What came last, if nothing else counts.
        let mut last = as_is.unwrap_or(Failure {
            host_error: HOST_NOT_FOUND,
            error: 0,
        });
        let domains: &[String] = if searches { &settings.search } else { &[] };
        for domain in domains {
            let domain = domain.strip_prefix('.').unwrap_or(domain);
            has_root |= domain.is_empty();
            let whole = format!("{name}.{domain}");
            if !message::is_ordinary(&whole) {
                return Err(Beyond);
            }
            match self.ask(&whole)? {
                Ok(answers) => return Ok(Ok(answers)),
                Err(failure) => last = failure,
            }
            if last.error == libc::ECONNREFUSED {
                return Ok(Err(Failure {
                    host_error: TRY_AGAIN,
                    ..last
                }));
            }
            match last.host_error {
                NO_DATA => has_no_data = true,
                HOST_NOT_FOUND => {}
                TRY_AGAIN if self.code == SERVER_FAILURE => has_failed = true,
                _ => break,
            }
            if !settings.searches() {
                break;
            }
        }
        let may_be_top = dots > 0 || domains.is_empty() || !settings.spares_top_level();
        if may_be_top && as_is.is_none() && !has_root {
            match self.ask(name)? {
                Ok(answers) => return Ok(Ok(answers)),
                Err(failure) => last = failure,
            }
        }
        let host_error = match as_is {
            Some(failure) => failure.host_error,
            None if has_no_data => NO_DATA,
            None if has_failed => TRY_AGAIN,
            None => last.host_error,
        };
        Ok(Err(Failure { host_error, ..last }))
    }

    /// The answers about the very name, or what it means that there are none.
    fn ask(&mut self, name: &str) -> Result<Result<Vec<Answer>, Failure>, Beyond> {
        let Reply { answers, code } = exchange::ask(self.me, self.settings, name, self.kinds)?;
        self.code = code;
        let answers = match answers {
            Ok(answers) => answers,
            Err(error) => {
                return Ok(Err(Failure {
                    host_error: TRY_AGAIN,
                    error,
                }));
            }
        };
        if answers
            .iter()
            .any(|answer| answer.code == NO_ERROR && answer.count > 0)
        {
            return Ok(Ok(answers));
        }
        let code = answers
            .iter()
            .map(|answer| answer.code)
            .find(|&code| code != NO_ERROR);
        let host_error = match code.unwrap_or(NO_ERROR) {
            NO_ERROR => NO_DATA,
            NAME_ERROR => HOST_NOT_FOUND,
            _ => NO_RECOVERY,
        };
        Ok(Err(Failure {
            host_error,
            error: 0,
        }))
    }
}
