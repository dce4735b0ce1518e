//! What Claude proves itself with, and how it gets it: through a pipe, never through an environment, an argument or a log.
//!
//! A gateway's token is the exception that Claude has no descriptor for: it asks a helper, which reads the mounted file.

use crate::cloud::Cloud;
use crate::environment::Environment;
use crate::error::Error;
use crate::login::{self, Login};
use rustix::io::FdFlags;
use sha2::{Digest, Sha256};
use std::ffi::OsStr;
use std::fmt;
use std::io::{self, PipeReader, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A gateway's token, in the directory of mounted files.
const AUTH_TOKEN_FILE: &str = "auth-token";

/// No key or token is longer; and a pipe takes as much before anyone reads.
const SECRET_SIZE_MAX: usize = 4096;

/// Variables that hold a credential, or tell Claude where one is, or make Claude write one to disk (the last).
/// None of them is passed on.
pub const VARIABLES: [&str; 7] = [
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR",
    "CLAUDE_CODE_GATEWAY_TOKEN_FILE_DESCRIPTOR",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR",
    "CLAUDE_CODE_REMOTE",
];

/// A credential, by what Claude does with it.
#[derive(Debug, PartialEq, Eq)]
pub enum Credential {
    /// A subscription's token.
    OauthToken(Secret),
    /// A key of the API.
    ApiKey(Secret),
    /// A file with a gateway's token.
    AuthTokenFile(PathBuf),
    /// Claude is logged in already, and keeps the login in its own file.
    Login(Login),
    /// A cloud's own, which Claude finds by itself.
    Cloud {
        /// Which cloud.
        cloud: Cloud,
        /// A hash of what is known of its credential.
        fingerprint: Vec<u8>,
    },
}

/// Never shown; what is shown is where it is from.
#[derive(PartialEq, Eq)]
pub struct Secret {
    name: String,
    bytes: Vec<u8>,
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

impl Secret {
    /// Without the white space around it; `name` says where it is from.
    fn new(name: impl Fn() -> String, bytes: &[u8]) -> Result<Self, Error> {
        let bytes = bytes.trim_ascii();
        if bytes.is_empty() {
            return Err(Error::CredentialEmpty { name: name() });
        }
        if bytes.len() > SECRET_SIZE_MAX || !bytes.iter().all(u8::is_ascii_graphic) {
            return Err(Error::CredentialMalformed { name: name() });
        }
        Ok(Self {
            name: name(),
            bytes: bytes.to_owned(),
        })
    }
}

/// Finds the credential: a cloud's, if one is chosen; else the first of the mounted files, then of the variables, then a login.
pub fn find(secrets: &Path, environment: &Environment, config: &Path) -> Result<Credential, Error> {
    if let Some(cloud) = Cloud::from_environment(environment)? {
        let fingerprint = cloud.fingerprint(environment);
        return Ok(Credential::Cloud { cloud, fingerprint });
    }
    if let Some(secret) = read(&secrets.join("oauth-token"))? {
        return Ok(Credential::OauthToken(secret));
    }
    if let Some(secret) = read(&secrets.join("api-key"))? {
        return Ok(Credential::ApiKey(secret));
    }
    let auth_token = secrets.join(AUTH_TOKEN_FILE);
    if read(&auth_token)?.is_some() {
        return Ok(Credential::AuthTokenFile(auth_token));
    }
    if environment.get("ANTHROPIC_AUTH_TOKEN").is_some() {
        return Err(Error::AuthTokenInEnvironment { path: auth_token });
    }
    if let Some(secret) = from_variable(environment, "CLAUDE_CODE_OAUTH_TOKEN")? {
        return Ok(Credential::OauthToken(secret));
    }
    if let Some(secret) = from_variable(environment, "ANTHROPIC_API_KEY")? {
        return Ok(Credential::ApiKey(secret));
    }
    if let Some(login) = login::read(config)? {
        return login.require_valid(SystemTime::now()).map(Credential::Login);
    }
    Err(Error::NoCredential {
        directory: secrets.into(),
        login: config.join(login::FILE),
    })
}

/// Finds the login, which is all that Remote Control takes. Another credential beside it does not matter.
pub fn find_login(secrets: &Path, environment: &Environment, config: &Path) -> Result<Credential, Error> {
    if let Some(login) = login::read(config)? {
        return login.require_valid(SystemTime::now()).map(Credential::Login);
    }
    match find(secrets, environment, config) {
        Ok(credential) => Err(Error::NotForRemoteControl {
            name: credential.name(),
        }),
        Err(Error::NoCredential { login, .. }) => Err(Error::NoLogin { login }),
        Err(error) => Err(error),
    }
}

fn from_variable(environment: &Environment, name: &str) -> Result<Option<Secret>, Error> {
    environment
        .get(name)
        .map(|value| Secret::new(|| name.to_owned(), value.as_bytes()))
        .transpose()
}

fn read(path: &Path) -> Result<Option<Secret>, Error> {
    match std::fs::read(path) {
        Ok(bytes) => Secret::new(|| path.display().to_string(), &bytes).map(Some),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
            Err(Error::CredentialIsDirectory { path: path.into() })
        }
        Err(source) => Err(Error::CredentialUnreadable {
            path: path.into(),
            source,
            user: rustix::process::getuid().as_raw(),
            group: rustix::process::getgid().as_raw(),
        }),
    }
}

impl Credential {
    /// The reading end of a pipe that holds the secret and is inherited by Claude, with the variable that tells Claude about it.
    pub fn to_pipe(&self) -> Result<Option<(&'static str, PipeReader)>, Error> {
        let (variable, secret) = match self {
            Self::OauthToken(secret) => ("CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR", secret),
            Self::ApiKey(secret) => ("CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR", secret),
            Self::AuthTokenFile(_) | Self::Login(_) | Self::Cloud { .. } => return Ok(None),
        };
        let pipe = || -> io::Result<PipeReader> {
            let (reader, mut writer) = io::pipe()?;
            writer.write_all(&secret.bytes)?;
            rustix::io::fcntl_setfd(&reader, FdFlags::empty())?;
            Ok(reader)
        };
        pipe()
            .map(|reader| Some((variable, reader)))
            .map_err(|source| Error::CredentialPipe { source })
    }

    /// The command with which Claude asks for a gateway's token.
    pub fn helper(&self) -> Option<String> {
        match self {
            Self::AuthTokenFile(path) => Some(format!("cat {}", shell_word(path.as_os_str()))),
            Self::OauthToken(_) | Self::ApiKey(_) | Self::Login(_) | Self::Cloud { .. } => None,
        }
    }

    /// Where it is from.
    pub fn name(&self) -> String {
        match self {
            Self::OauthToken(secret) | Self::ApiKey(secret) => secret.name.clone(),
            Self::AuthTokenFile(path) | Self::Login(Login { path, .. }) => path.display().to_string(),
            Self::Cloud { cloud, .. } => format!("a cloud's own ({})", cloud.variable()),
        }
    }

    /// What it is and where it is from, for people.
    pub fn words(&self) -> String {
        let name = self.name();
        match self {
            Self::OauthToken(_) => format!("OAuth token, from {name}"),
            Self::ApiKey(_) => format!("API key, from {name}"),
            Self::AuthTokenFile(_) => format!("a gateway's token, from {name}"),
            Self::Login(login) => format!("login, in {name}{}", login.words(SystemTime::now())),
            Self::Cloud { .. } => name,
        }
    }

    /// Tells one from another, and nothing about it: the beginning of a SHA-256 of many random characters.
    pub fn fingerprint(&self) -> String {
        let hash = match self {
            Self::OauthToken(secret) | Self::ApiKey(secret) => Sha256::digest(&secret.bytes).to_vec(),
            // One that cannot be read now is as good as another.
            Self::AuthTokenFile(path) | Self::Login(Login { path, .. }) => {
                Sha256::digest(std::fs::read(path).unwrap_or_default()).to_vec()
            }
            Self::Cloud { fingerprint, .. } => fingerprint.clone(),
        };
        hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// One word of a shell's command line.
fn shell_word(word: &OsStr) -> String {
    format!("'{}'", word.to_string_lossy().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use std::io::Read;

    const LOGIN: &str = r#"{"claudeAiOauth":{"accessToken":"t"}}"#;

    fn secret(name: &str, secret: &str) -> Secret {
        Secret {
            name: name.into(),
            bytes: secret.into(),
        }
    }

    fn oauth_token(name: &str, value: &str) -> Credential {
        Credential::OauthToken(secret(name, value))
    }

    fn api_key(name: &str, value: &str) -> Credential {
        Credential::ApiKey(secret(name, value))
    }

    fn login(path: &str) -> Credential {
        Credential::Login(Login {
            path: path.into(),
            expires: None,
            is_renewable: false,
        })
    }

    fn cloud() -> Credential {
        Credential::Cloud {
            cloud: Cloud::Vertex,
            fingerprint: Cloud::Vertex.fingerprint(&Environment::default()),
        }
    }

    /// Files, variables, and what is chosen; a login is there in every case.
    #[rstest]
    #[case(&[("oauth-token", "a"), ("api-key", "b"), ("auth-token", "c")], &[("ANTHROPIC_API_KEY", "d")], oauth_token("DIR/oauth-token", "a"))]
    #[case(&[("api-key", " b\n"), ("auth-token", "c")], &[("CLAUDE_CODE_OAUTH_TOKEN", "d")], api_key("DIR/api-key", "b"))]
    #[case(&[], &[("CLAUDE_CODE_OAUTH_TOKEN", "d"), ("ANTHROPIC_API_KEY", "e")], oauth_token("CLAUDE_CODE_OAUTH_TOKEN", "d"))]
    #[case(&[], &[("ANTHROPIC_API_KEY", "e\n"), ("CLAUDE_CODE_OAUTH_TOKEN", "")], api_key("ANTHROPIC_API_KEY", "e"))]
    #[case(&[], &[], login("DIR/.credentials.json"))]
    #[case(&[("api-key", "k")], &[("CLAUDE_CODE_USE_VERTEX", "1")], cloud())]
    fn order(#[case] files: &[(&str, &str)], #[case] variables: &[(&str, &str)], #[case] expected: Credential) {
        let directory = directory(files);
        let found = find(directory.path(), &environment(variables), directory.path()).expect("there is a credential");
        let name = found.name().replace(&directory.path().display().to_string(), "DIR");
        assert_eq!(
            (name, found.fingerprint()),
            (expected.name(), expected_fingerprint(&expected))
        );
        assert_eq!(std::mem::discriminant(&found), std::mem::discriminant(&expected));
    }

    /// A login's is that of its content.
    fn expected_fingerprint(expected: &Credential) -> String {
        match expected {
            Credential::Login(_) => "b38e27cc04383eb7".into(),
            expected => expected.fingerprint(),
        }
    }

    #[test]
    fn a_fingerprint_is_that_of_the_secret_alone() {
        let key = |value| api_key("x", value).fingerprint();
        assert_eq!(key("k"), oauth_token("y", "k").fingerprint());
        assert_ne!(key("k"), key("l"));
    }

    /// What else is there, without a login; and what Remote Control says to it.
    #[rstest]
    #[case(&[], &[], 66, "Remote Control needs a login with a claude.ai account, and DIR/.credentials.json holds none; log in with \"./cbox login\", or start the box with CLAUDE_MODE=shell and the same volume and run \"box-entrypoint login\" there")]
    #[case(&[("api-key", "k")], &[], 77, "Remote Control takes no API key and no long-lived token, only a login with a claude.ai account, and DIR/api-key is not one; log in with \"./cbox login\", or start the box with CLAUDE_MODE=shell and the same volume and run \"box-entrypoint login\" there")]
    #[case(&[], &[("CLAUDE_CODE_OAUTH_TOKEN", "t")], 77, "Remote Control takes no API key and no long-lived token, only a login with a claude.ai account, and CLAUDE_CODE_OAUTH_TOKEN is not one; log in with \"./cbox login\", or start the box with CLAUDE_MODE=shell and the same volume and run \"box-entrypoint login\" there")]
    fn remote_control_wants_a_login(
        #[case] files: &[(&str, &str)],
        #[case] variables: &[(&str, &str)],
        #[case] exit_code: u8,
        #[case] sentence: &str,
    ) {
        let directory = directory(files);
        let look = || find_login(directory.path(), &environment(variables), directory.path());
        assert!(matches!(look(), Ok(Credential::Login(_))));
        std::fs::remove_file(directory.path().join(login::FILE)).expect("it is there");
        let error = look().expect_err("there is no login");
        let text = error
            .to_string()
            .replace(&directory.path().display().to_string(), "DIR");
        assert_eq!((text.as_str(), error.exit_code()), (sentence, exit_code));
    }

    #[test]
    fn a_gateways_token_is_read_by_a_helper() {
        let directory = directory(&[("auth-token", "t")]);
        let credential =
            find(directory.path(), &Environment::default(), directory.path()).expect("there is a credential");
        assert_eq!(
            credential.helper(),
            Some(format!("cat '{}/auth-token'", directory.path().display()))
        );
        assert!(credential.to_pipe().expect("nothing can fail").is_none());
    }

    #[rstest]
    #[case(&[("api-key", " \n")], &[], 66, "the credential DIR/api-key is empty; put the key or token into it")]
    #[case(&[("oauth-token", "a b")], &[], 65, "the credential DIR/oauth-token is no key or token: it is longer than 4096 bytes or not one word; put the key or token into it and nothing else")]
    #[case(&[], &[("ANTHROPIC_API_KEY", "a\nb")], 65, "the credential ANTHROPIC_API_KEY is no key or token: it is longer than 4096 bytes or not one word; put the key or token into it and nothing else")]
    #[case(&[], &[("ANTHROPIC_AUTH_TOKEN", "t")], 64, "ANTHROPIC_AUTH_TOKEN is set, and Claude takes it only from an environment that all its tools can read; mount it as the file DIR/auth-token instead")]
    fn refusal(
        #[case] files: &[(&str, &str)],
        #[case] variables: &[(&str, &str)],
        #[case] exit_code: u8,
        #[case] sentence: &str,
    ) {
        let directory = directory(files);
        let error =
            find(directory.path(), &environment(variables), directory.path()).expect_err("there is no good credential");
        let text = error
            .to_string()
            .replace(&directory.path().display().to_string(), "DIR");
        assert_eq!((text.as_str(), error.exit_code()), (sentence, exit_code));
    }

    #[test]
    fn a_missing_credential_names_all_places() {
        let error = find(
            Path::new("/no/secrets"),
            &Environment::default(),
            Path::new("/no/config"),
        )
        .expect_err("there is no credential");
        assert_eq!(
            (error.to_string().as_str(), error.exit_code()),
            (
                "no credential: /no/secrets has neither oauth-token nor api-key nor auth-token, and /no/config/.credentials.json holds no login; \
                 mount one of these files, or a volume with a login",
                66
            )
        );
    }

    #[test]
    fn a_directory_in_place_of_a_file_is_explained() {
        let directory = tempfile::tempdir().expect("a directory can be made");
        std::fs::create_dir(directory.path().join("api-key")).expect("a directory can be made");
        let error = find(directory.path(), &Environment::default(), directory.path()).expect_err("it is a directory");
        assert_eq!(error.exit_code(), 66);
        assert!(
            error
                .to_string()
                .ends_with("is a directory; the file that was to be mounted there did not exist"),
            "{error}"
        );
    }

    #[test]
    fn the_pipe_holds_the_secret_and_ends() {
        let (variable, mut reader) = api_key("x", "k")
            .to_pipe()
            .expect("a pipe can be made")
            .expect("a key goes through a pipe");
        let mut text = String::new();
        reader.read_to_string(&mut text).expect("a pipe can be read");
        assert_eq!((variable, text.as_str()), ("CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR", "k"));
    }

    #[test]
    fn a_secret_does_not_show() {
        assert_eq!(format!("{:?}", api_key("x", "k")), "ApiKey(Secret)");
    }

    fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().expect("a directory can be made");
        for (name, content) in files.iter().chain(&[(login::FILE, LOGIN)]) {
            std::fs::write(directory.path().join(name), content).expect("a file can be written");
        }
        directory
    }

    fn environment(variables: &[(&str, &str)]) -> Environment {
        variables
            .iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect()
    }
}
