//! Why Claude is not started, each with its exit code.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

/// A sentence that names the file or variable, the value and the way out.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the sentences say it")]
pub enum Error {
    #[error(
        "unknown argument {argument:?}: what Claude is to get goes after \"--\"; for another program set the container's entrypoint"
    )]
    UnknownArgument { argument: OsString },

    #[error("--secrets wants the directory of the credential files after it")]
    SecretsWithoutDirectory,

    #[error(
        "health wants to know what is asked, one of \"live\", \"ready\" and \"startup\" after it, and nothing else"
    )]
    UnknownProbe,

    #[error("note wants what is noted, one of \"accepted\", \"prompt\" and \"refused\" after it, and nothing else")]
    UnknownNote,

    #[error(
        "CLAUDE_MODE is {value:?}, which is no mode; set it to \"headless\", \"interactive\", \"remote-control\" or \"shell\""
    )]
    UnknownMode { value: OsString },

    #[error(
        "CLAUDE_TIER is {value:?}, which is no tier; set it to \"airgapped\", \"operator\" or \"readonly\", or leave it out where there is no cluster"
    )]
    UnknownTier { value: OsString },

    #[error(
        "ANTHROPIC_BASE_URL is {value:?}, and Remote Control works with Anthropic's own service alone; leave it out, or set CLAUDE_MODE to \"interactive\""
    )]
    RemoteControlOverGateway { value: OsString },

    #[error(
        "Remote Control takes no API key and no long-lived token, only a login with a claude.ai account, and {name} is not one; log in with \"./cbox login\", or start the box with CLAUDE_MODE=shell and the same volume and run \"box-entrypoint login\" there"
    )]
    NotForRemoteControl { name: String },

    #[error(
        "Remote Control needs a login with a claude.ai account, and {login} holds none; log in with \"./cbox login\", or start the box with CLAUDE_MODE=shell and the same volume and run \"box-entrypoint login\" there",
        login = login.display()
    )]
    NoLogin { login: PathBuf },

    #[error("CLAUDE_CODE_USE_BEDROCK and CLAUDE_CODE_USE_VERTEX are both set; leave one of them out")]
    TwoClouds,

    #[error("{name} is {value:?}, which is neither 1 nor 0; set it to one of them, or leave it out")]
    NeitherYesNorNo { name: &'static str, value: OsString },

    #[error(
        "{name} is set, which everything in the box could read; mount the keys as a file and name it in AWS_SHARED_CREDENTIALS_FILE, or use a web identity (AWS_ROLE_ARN, AWS_WEB_IDENTITY_TOKEN_FILE)"
    )]
    CloudSecretInEnvironment { name: &'static str },

    #[error("{name} names {path}, which cannot be read: {source}; mount the file there, readable for user {user}", path = path.display())]
    CloudFileUnreadable {
        name: &'static str,
        path: PathBuf,
        source: io::Error,
        user: u32,
    },

    #[error(
        "{name} is set, and Remote Control works with Anthropic's own service alone; leave it out, or set CLAUDE_MODE to \"interactive\""
    )]
    RemoteControlOverCloud { name: &'static str },

    #[error("{path} is no login of Claude's (half-written, perhaps); remove it, and log in again with \"box-entrypoint login\"", path = path.display())]
    LoginDamaged { path: PathBuf },

    #[error("the login {path} expired {since} ago by this machine's clock and cannot be renewed; log in again with \"box-entrypoint login\", or set the clock", path = path.display())]
    LoginExpired { path: PathBuf, since: String },

    #[error(
        "a login is typed at a terminal, and standard {stream} is none; give it one (docker exec -it, kubectl exec -it, ./cbox login)"
    )]
    LoginWithoutTerminal { stream: &'static str },

    #[error("another login is under way in this box's volume (it holds {path}); wait for it, or end it", path = path.display())]
    LoginUnderWay { path: PathBuf },

    #[error("nobody logged in: Claude ended with {end}; what was in the volume before is unchanged")]
    LoginNotDone { end: String },

    #[error("the API refused the credential {name}; replace it and start the box again")]
    CredentialRefused { name: String },

    #[error("{path} is full; make room in it or give it more", path = path.display())]
    StateFull { path: PathBuf },

    #[error(
        "CLAUDE_SESSION is {value:?}; set it to \"last\" to go on with the last session on the volume, or to \"new\""
    )]
    UnknownSession { value: OsString },

    #[error(
        "the sessions on this volume are held by another box ({holder}), which has {path} locked; attach to that box or end it, or give this one a volume of its own",
        path = path.display()
    )]
    SessionHeld { holder: String, path: PathBuf },

    #[error("{path} cannot be locked: {source}; put the volume on a file system with locks (flock), without which two boxes could write to one session", path = path.display())]
    NoLocks { path: PathBuf, source: io::Error },

    #[error("the directory for temporary files {path} belongs to user {owner} with mode {mode:03o}, and has to be this user's ({user}) alone; remove it, or set TMPDIR to another place", path = path.display())]
    TemporaryNotPrivate {
        path: PathBuf,
        owner: u32,
        mode: u32,
        user: u32,
    },

    #[error("CLAUDE_OUTPUT_FORMAT is {value:?}, which is no format; set it to \"json\", \"stream-json\" or \"text\"")]
    UnknownOutputFormat { value: OsString },

    #[error("{name} is {value:?}, which is no positive number; set it to one or leave it out")]
    NoPositiveNumber { name: &'static str, value: OsString },

    #[error(
        "CLAUDE_MAX_BUDGET_USD is {value:?}, which is no amount; set it to dollars like \"2\" or \"0.50\" or leave it out"
    )]
    NoAmount { value: OsString },

    #[error(
        "CLAUDE_RUN_ID is {value:?}, which is no name of a run; use up to 63 letters, digits, \"-\", \"_\" and \".\", a letter or digit first"
    )]
    NoRunId { value: OsString },

    #[error(
        "CLAUDE_RUN_ID is {id:?}, the name of a run of another prompt; give this one another name, or remove {directory}",
        directory = directory.display()
    )]
    OtherPrompt { id: String, directory: PathBuf },

    #[error("the run {id} is under way in another box (it holds {directory}/lock); wait for it, or give this one another name", directory = directory.display())]
    RunUnderWay { id: String, directory: PathBuf },

    #[error("{path} cannot be read: {source}; make it readable for this user", path = path.display())]
    RunUnreadable { path: PathBuf, source: io::Error },

    #[error("{path} is damaged or of a newer version, so that nobody knows whether the run was finished; remove its directory to run it again", path = path.display())]
    RunDamaged { path: PathBuf },

    #[error(
        "what became of the run cannot be kept: {source}; make room on the volume, since a start with the same name runs it again"
    )]
    OutcomeNotKept { source: io::Error },

    #[error(
        "the box runs as root, for whom Claude does nothing without asking, and headless nobody is asked; run it as any other user (the image's own is 10000)"
    )]
    HeadlessRoot,

    #[error("CLAUDE_PROMPT is empty; headless mode needs a task there, or in the file that CLAUDE_PROMPT_FILE names")]
    NoPrompt,

    #[error("CLAUDE_PROMPT and CLAUDE_PROMPT_FILE are both set; leave one of them out")]
    TwoPrompts,

    #[error("CLAUDE_PROMPT_FILE names {path}, which cannot be read: {source}; mount the file readable for this user", path = path.display())]
    PromptUnreadable { path: PathBuf, source: io::Error },

    #[error("CLAUDE_PROMPT_FILE names {path}, which is empty; write the task into it", path = path.display())]
    PromptFileEmpty { path: PathBuf },

    #[error(
        "interactive mode needs a terminal, and standard {stream} is none; start the container with a terminal (docker run -it, or \"stdin: true\" and \"tty: true\" in a pod), or set CLAUDE_MODE to \"headless\""
    )]
    NoTerminal { stream: &'static str },

    #[error("ANTHROPIC_AUTH_TOKEN is set, and Claude takes it only from an environment that all its tools can read; mount it as the file {path} instead", path = path.display())]
    AuthTokenInEnvironment { path: PathBuf },

    #[error(
        "no credential: {directory} has neither oauth-token nor api-key nor auth-token, and {login} holds no login; mount one of these files, or a volume with a login",
        directory = directory.display(),
        login = login.display()
    )]
    NoCredential { directory: PathBuf, login: PathBuf },

    #[error("the credential {name} is empty; put the key or token into it")]
    CredentialEmpty { name: String },

    #[error("the credential {name} is a directory; the file that was to be mounted there did not exist", name = path.display())]
    CredentialIsDirectory { path: PathBuf },

    #[error(
        "the credential {name} is no key or token: it is longer than 4096 bytes or not one word; put the key or token into it and nothing else"
    )]
    CredentialMalformed { name: String },

    #[error("the credential {path} cannot be read: {source}; make it readable for user {user} or group {group}", path = path.display())]
    CredentialUnreadable {
        path: PathBuf,
        source: io::Error,
        user: u32,
        group: u32,
    },

    #[error("a pipe for the credential cannot be made: {source}")]
    CredentialPipe { source: io::Error },

    #[error("HOME is not set; set it to the directory of the mounted volume, /home/claude")]
    NoHome,

    #[error("{path} cannot be written by user {user}: {source}; mount a volume or a tmpfs there that this user may write", path = path.display())]
    StateNotWritable {
        path: PathBuf,
        source: io::Error,
        user: u32,
    },

    #[error(
        "{path} belongs to user {owner} and cannot be written by user {user}: {source}; give it to that user (chown, or fsGroup in a pod), or run the box as user {owner}",
        path = path.display()
    )]
    StateNotOurs {
        path: PathBuf,
        source: io::Error,
        user: u32,
        owner: u32,
    },

    #[error("the working directory cannot be used: {source}; mount one at /workspace that this user may enter")]
    NoWorkingDirectory { source: io::Error },

    #[error("there is no claude in PATH ({path:?}); this image is incomplete, use one that has Claude Code")]
    NoClaude { path: OsString },

    #[error("{path} cannot be executed: {source}; this image is broken or made for another architecture", path = path.display())]
    ClaudeNotExecutable { path: PathBuf, source: io::Error },

    #[error("bash cannot be started: {source}; this image is incomplete, use one that has a shell")]
    NoShell { source: io::Error },

    #[error("waiting for Claude failed: {source}")]
    Waiting { source: io::Error },
}

impl Error {
    /// The exit code, one of `sysexits(3)`.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::UnknownArgument { .. }
            | Self::SecretsWithoutDirectory
            | Self::UnknownProbe
            | Self::UnknownNote
            | Self::UnknownTier { .. }
            | Self::RemoteControlOverGateway { .. }
            | Self::UnknownMode { .. }
            | Self::UnknownOutputFormat { .. }
            | Self::UnknownSession { .. }
            | Self::NoPositiveNumber { .. }
            | Self::NoAmount { .. }
            | Self::NoRunId { .. }
            | Self::OtherPrompt { .. }
            | Self::HeadlessRoot
            | Self::NoPrompt
            | Self::TwoPrompts
            | Self::PromptUnreadable { .. }
            | Self::PromptFileEmpty { .. }
            | Self::NoTerminal { .. }
            | Self::LoginWithoutTerminal { .. }
            | Self::TwoClouds
            | Self::NeitherYesNorNo { .. }
            | Self::CloudSecretInEnvironment { .. }
            | Self::RemoteControlOverCloud { .. }
            | Self::AuthTokenInEnvironment { .. } => exit_code::USAGE,
            Self::CloudFileUnreadable { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                exit_code::NOT_PERMITTED
            }
            Self::NoCredential { .. }
            | Self::NoLogin { .. }
            | Self::CredentialEmpty { .. }
            | Self::CloudFileUnreadable { .. }
            | Self::CredentialIsDirectory { .. } => exit_code::NO_CREDENTIAL,
            Self::CredentialMalformed { .. } | Self::LoginDamaged { .. } | Self::RunDamaged { .. } => {
                exit_code::REFUSED
            }
            Self::RunUnderWay { .. } | Self::LoginUnderWay { .. } | Self::SessionHeld { .. } => exit_code::TRY_LATER,
            Self::CredentialUnreadable { .. }
            | Self::CredentialRefused { .. }
            | Self::LoginExpired { .. }
            | Self::LoginNotDone { .. }
            | Self::NotForRemoteControl { .. } => exit_code::NOT_PERMITTED,
            Self::CredentialPipe { .. } | Self::Waiting { .. } => exit_code::NO_RESULT,
            Self::NoHome
            | Self::OutcomeNotKept { .. }
            | Self::RunUnreadable { .. }
            | Self::StateNotWritable { .. }
            | Self::StateNotOurs { .. }
            | Self::StateFull { .. }
            | Self::NoLocks { .. }
            | Self::TemporaryNotPrivate { .. }
            | Self::NoWorkingDirectory { .. } => exit_code::STATE_NOT_WRITABLE,
            Self::NoClaude { .. } | Self::ClaudeNotExecutable { .. } | Self::NoShell { .. } => {
                exit_code::IMAGE_INCOMPLETE
            }
        }
    }
}

/// What the box ends with, after `sysexits(3)`.
pub mod exit_code {
    /// Claude finished and reported no error.
    pub const DONE: u8 = 0;
    /// Claude finished and reported an error of its own.
    pub const CLAUDE_FAILED: u8 = 1;
    /// `EX_USAGE`: a wrong setting.
    pub const USAGE: u8 = 64;
    /// `EX_DATAERR`: the API refused the request.
    pub const REFUSED: u8 = 65;
    /// `EX_NOINPUT`: no credential.
    pub const NO_CREDENTIAL: u8 = 66;
    /// `EX_UNAVAILABLE`: the API cannot be reached, or fails.
    pub const UNAVAILABLE: u8 = 69;
    /// `EX_SOFTWARE`: Claude ended without a result.
    pub const NO_RESULT: u8 = 70;
    /// `EX_CANTCREAT`: the state directory cannot be written.
    pub const STATE_NOT_WRITABLE: u8 = 73;
    /// `EX_TEMPFAIL`: the API is rate limiting or overloaded.
    pub const TRY_LATER: u8 = 75;
    /// `EX_NOPERM`: a credential cannot be read, or was refused.
    pub const NOT_PERMITTED: u8 = 77;
    /// `EX_CONFIG`: the image lacks what it needs.
    pub const IMAGE_INCOMPLETE: u8 = 78;
    /// The task did not end in time, as with `timeout(1)`.
    pub const OUT_OF_TIME: u8 = 124;

    /// Ended by a signal: its number is added.
    pub const SIGNAL_BASE: u8 = 128;

    /// Ended by this signal, as with a shell.
    pub fn of_signal(signal: i32) -> u8 {
        SIGNAL_BASE.saturating_add(u8::try_from(signal).unwrap_or_default())
    }
}
