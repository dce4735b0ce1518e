//! One release of the chart, judged without a cluster: what its rendered objects grant and open, against what its tier and its
//! values promise. Every line that decided is led back to the chart.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::access::account::{AccountError, Home};
use crate::access::load as access_load;
use crate::access::release::Release;
use crate::access::table::{Table, TableError};
use crate::access::{self, rendered as access_rendered};
use crate::chart::origin::{Files, Tracer};
use crate::chart::{self, CHART, ChartError};
use crate::engine::ledger::LedgerError;
use crate::engine::run::Run;
use crate::life::{self, LifeError};
use crate::mutation::{self, Sheet};
use crate::network::live::{Asked, Field, LiveError};
use crate::network::load as network_load;
use crate::network::promise::Promise;
use crate::network::rendered as network_rendered;
use crate::posture::declaration::{self, DeclarationError};
use crate::posture::exception::{self, ExceptionError, Exceptions};
use crate::posture::target::{Origin, Whole};
use crate::posture::{self, PostureError};

/// The release that is judged: names do not change what it may do.
const NAME: &str = "box";
const NAMESPACE: &str = "claude";

/// Who may do what, below the project's folder: what was meant.
const TABLE: &str = "manifests/access.toml";

/// The families, in the order in which they run.
pub const FAMILIES: [&str; 6] = [
    access::rendered::FAMILY,
    network_rendered::FAMILY,
    posture::FAMILY,
    mutation::FAMILY,
    life::STORAGE,
    life::SIGNALS,
];

/// The families that nothing but a cluster answers. They run where they are named: they take minutes and the box's image.
pub const LIFE: [&str; 2] = [life::STORAGE, life::SIGNALS];

/// The families that a cluster is asked about; the others are judged by texts alone.
pub const LIVE: [&str; 2] = [access::rendered::FAMILY, network_rendered::FAMILY];

/// An example of values, in `manifests/profiles/`.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    /// How cells name it.
    pub name: &'static str,
    /// Its tier.
    pub tier: &'static str,
    /// Its file, without the ending.
    pub file: &'static str,
}

/// The tiers' own profiles.
pub const TIERS: [Profile; 4] = [
    profile("readonly", "readonly", "readonly"),
    profile("operator", "operator", "operator"),
    profile("airgapped", "airgapped", "airgapped"),
    profile("none", "none", "existing-secret"),
];

/// Profiles whose objects are of other kinds; their rights and their network are their tier's.
pub const MORE: [Profile; 2] = [
    profile("headless-job", "readonly", "headless-job"),
    profile("cronjob", "readonly", "cronjob"),
];

const fn profile(name: &'static str, tier: &'static str, file: &'static str) -> Profile {
    Profile { name, tier, file }
}

/// A release cannot be judged.
#[derive(Debug, thiserror::Error)]
pub enum JudgementError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file of values is no YAML.
    #[error("{} is no YAML, and so no values: {message}", .path.display())]
    Values {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the line.
        message: String,
    },
    /// The chart refuses the values, or there is no Helm.
    #[error(transparent)]
    Chart(#[from] ChartError),
    /// The table of rights is wrong.
    #[error(transparent)]
    Table(#[from] TableError),
    /// RBAC objects cannot be read.
    #[error(transparent)]
    Objects(#[from] access_load::LoadError),
    /// The family access has a defect.
    #[error(transparent)]
    Access(#[from] access_rendered::RenderedError),
    /// The network cannot be judged.
    #[error(transparent)]
    Network(#[from] network_rendered::RenderedError),
    /// The account cannot be asked.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The network cannot be tried.
    #[error(transparent)]
    Live(#[from] LiveError),
    /// Nothing can be made to happen to a box.
    #[error(transparent)]
    Life(#[from] LifeError),
    /// The values cannot be read.
    #[error(transparent)]
    Promise(#[from] crate::network::promise::PromiseError),
    /// The posture cannot be judged.
    #[error(transparent)]
    Posture(#[from] PostureError),
    /// The posture's exceptions are wrong.
    #[error(transparent)]
    Exceptions(#[from] ExceptionError),
    /// Compose's file or the image's declaration cannot be read.
    #[error(transparent)]
    Declaration(#[from] DeclarationError),
    /// Policies cannot be read.
    #[error(transparent)]
    Policies(#[from] network_load::LoadError),
    /// A defect of the harness.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Rights in every namespace have no list of namespaces to be compared with.
    #[error(
        "access.clusterWide is true: that is every right of tier operator in every namespace, and there is nothing to compare it with; \
         name access.namespaces instead, or leave the family access out"
    )]
    ClusterWide,
}

/// One release of the chart of a project.
#[derive(Clone, Debug)]
pub struct Subject {
    /// How cells and files name it.
    pub name: String,
    /// Its tier.
    pub tier: String,
    /// Its namespace.
    pub namespace: String,
    /// The chart's values with the user's over them.
    values: Value,
    /// What Helm rendered.
    pub rendered: String,
}

/// A project's chart and its table, read once.
#[derive(Debug)]
pub struct Judge {
    root: PathBuf,
    table: Table,
    chart: Files,
}

impl Judge {
    /// Reads the chart and the table of the project in `root`.
    ///
    /// # Errors
    ///
    /// When one of them cannot be read, or the table contradicts itself.
    pub fn new(root: &Path) -> Result<Self, JudgementError> {
        let table = Table::parse(&read(&root.join(TABLE))?)?;
        let mut chart = BTreeMap::new();
        gather(&root.join(CHART), Path::new(""), &mut chart)?;
        Ok(Self {
            root: root.to_owned(),
            table,
            chart,
        })
    }

    /// Renders the chart with files of values, the later over the earlier. The name stands in front of every cell.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, or Helm, the schema or the chart refuses.
    pub fn subject(&self, name: Option<&str>, files: &[PathBuf]) -> Result<Subject, JudgementError> {
        self.subject_in(NAMESPACE, name, files, &|_| Value::Null)
    }

    /// The same for a namespace that is there, and with what only a cluster knows: `more` gets the chart's values with the
    /// files' over them, and returns values that go over both, or null.
    ///
    /// # Errors
    ///
    /// As [`Self::subject`].
    pub fn subject_in(
        &self,
        namespace: &str,
        name: Option<&str>,
        files: &[PathBuf],
        more: &dyn Fn(&Value) -> Value,
    ) -> Result<Subject, JudgementError> {
        self.subject_of((NAME, namespace), name, files, more)
    }

    /// The same for a release of this name.
    ///
    /// # Errors
    ///
    /// As [`Self::subject`].
    pub fn subject_of(
        &self,
        (release, namespace): (&str, &str),
        name: Option<&str>,
        files: &[PathBuf],
        more: &dyn Fn(&Value) -> Value,
    ) -> Result<Subject, JudgementError> {
        let mut own = Value::Object(serde_json::Map::new());
        for path in files {
            let text = read(path)?;
            let objects = chart::objects(&text).map_err(|error| JudgementError::Values {
                path: path.clone(),
                message: error.to_string(),
            })?;
            objects.into_iter().for_each(|object| chart::merge(&mut own, object));
        }
        let mut values = chart::objects(self.chart.get("values.yaml").map_or("", String::as_str))?
            .into_iter()
            .next()
            .unwrap_or_default();
        chart::merge(&mut values, own.clone());
        let more = more(&values);
        if !more.is_null() {
            chart::merge(&mut own, more.clone());
            chart::merge(&mut values, more);
        }
        let release = chart::Release {
            chart: self.root.join(CHART),
            name: release.to_owned(),
            namespace: namespace.to_owned(),
            values: own,
        };
        let rendered = release.render()?;
        let tier = values["tier"].as_str().unwrap_or_default().to_owned();
        Ok(Subject {
            name: name.map_or_else(|| tier.clone(), str::to_owned),
            tier,
            namespace: namespace.to_owned(),
            values,
            rendered,
        })
    }

    /// Decides every cell of a family; `file` is how places name the rendered file where no line of the chart is known.
    ///
    /// # Errors
    ///
    /// When what was rendered cannot be judged.
    pub fn run(&self, family: &str, subject: &Subject, file: &str) -> Result<Run, JudgementError> {
        let mut run = if family == network_rendered::FAMILY {
            let promise = Promise::of(&subject.tier, &subject.namespace, &subject.values)?;
            let namespace = &subject.namespace;
            network_rendered::run(&subject.name, &promise, namespace, (file, &subject.rendered))?
        } else {
            let release = self.release(subject, file)?;
            access_rendered::run(&release, &self.table, &access_rendered::namespaces(&release))?
        };
        self.trace(&mut run, subject, file);
        Ok(run)
    }

    /// Judges a subject's posture. The exceptions are for profiles: of a user's own values (`is_profile` is false) none is missed.
    ///
    /// # Errors
    ///
    /// When what was rendered cannot be judged, or an exception is wrong or for nothing.
    pub fn posture(&self, subject: &Subject, is_profile: bool, file: &str) -> Result<Run, JudgementError> {
        let mut run = posture::run(&whole(subject, file)?, &self.exceptions()?, is_profile)?;
        self.trace(&mut run, subject, file);
        Ok(run)
    }

    /// Judges the posture of a user's own values. What a profile may break for a reason they may, too, and need not.
    ///
    /// # Errors
    ///
    /// When what is rendered cannot be judged, or the exceptions are wrong.
    pub fn posture_of_values(&self, subject: &Subject, file: &str) -> Result<Run, JudgementError> {
        let exceptions = self.exceptions()?.for_any_values();
        let mut run = posture::run(&whole(subject, file)?, &exceptions, false)?;
        self.trace(&mut run, subject, file);
        Ok(run)
    }

    /// Judges the posture of what no values change: Compose's file and the image's declaration.
    ///
    /// # Errors
    ///
    /// When one cannot be read, or an exception is wrong or for nothing.
    pub fn posture_beside(&self) -> Result<Run, JudgementError> {
        let exceptions = self.exceptions()?;
        let compose = posture::run(&declaration::compose(&self.root)?, &exceptions, true)?;
        let image = posture::run(&declaration::image(&self.root)?, &exceptions, true)?;
        Ok(compose.and(image))
    }

    /// Puts mistakes into profiles, and into what no values change: the run, and what people are told of it.
    ///
    /// # Errors
    ///
    /// When what is to be changed cannot be read.
    pub fn mutation(
        &self,
        subjects: &[(&Subject, String)],
        is_whole: bool,
    ) -> Result<(Run, Vec<String>), JudgementError> {
        let mut sheets = Vec::new();
        for (subject, file) in subjects {
            sheets.extend(self.sheets(subject, file)?);
        }
        if is_whole {
            sheets.push(mutation::fields::sheet(&declaration::compose(&self.root)?));
            sheets.push(mutation::image::sheet(&declaration::image(&self.root)?));
        }
        let mut run = mutation::run(&sheets)?;
        for (subject, file) in subjects {
            self.trace(&mut run, subject, file);
        }
        Ok((run, mutation::words(&sheets)))
    }

    fn sheets(&self, subject: &Subject, file: &str) -> Result<Vec<Sheet>, JudgementError> {
        let mut sheets = Vec::new();
        // Rights and network of other profiles are those of their tier, which gets the mistakes.
        if TIERS.iter().any(|profile| profile.name == subject.name) {
            if subject.tier != "none" {
                sheets.push(mutation::rights::sheet(&self.release(subject, file)?, &self.table)?);
            }
            let promise = Promise::of(&subject.tier, &subject.namespace, &subject.values)?;
            let pod = network_rendered::pod(&subject.namespace, file, &chart::objects(&subject.rendered)?)?;
            let policies = network_load::from_yaml(file, &subject.rendered)?;
            sheets.push(mutation::network::sheet(&subject.name, &promise, &pod, &policies));
        }
        sheets.push(mutation::fields::sheet(&whole(subject, file)?));
        Ok(sheets)
    }

    fn exceptions(&self) -> Result<Exceptions, JudgementError> {
        let names = TIERS.iter().chain(&MORE).map(|profile| profile.name);
        let known: Vec<&str> = names.chain(["compose", "image"]).collect();
        Ok(Exceptions::parse(&read(&self.root.join(exception::FILE))?, &known)?)
    }

    /// Asks a cluster what a subject's policies do, which was rendered for the field's namespace; `say` is told what is being
    /// done.
    ///
    /// # Errors
    ///
    /// When what was rendered cannot be judged, or the cluster does not take it.
    pub fn run_live(
        &self,
        field: &Field,
        subject: &Subject,
        file: &str,
        say: &dyn Fn(&str),
    ) -> Result<Asked, JudgementError> {
        let promise = Promise::of(&subject.tier, &subject.namespace, &subject.values)?;
        let mut asked = field.run(&subject.name, &promise, (file, &subject.rendered), say)?;
        self.trace(&mut asked.run, subject, file);
        Ok(asked)
    }

    /// Asks a cluster's API server what a subject's account may do, which was rendered for the home's namespace.
    ///
    /// # Errors
    ///
    /// When what was rendered cannot be judged, or the cluster does not take it.
    pub fn run_account(&self, home: &Home, subject: &Subject, file: &str) -> Result<Run, JudgementError> {
        let mut run = home.run(&self.release(subject, file)?, &self.table)?;
        self.trace(&mut run, subject, file);
        Ok(run)
    }

    /// Leads the lines of cells about several subjects back to the chart.
    pub fn trace_all(&self, run: &mut Run, subjects: &[(&Subject, String)]) {
        for (subject, file) in subjects {
            self.trace(run, subject, file);
        }
    }

    /// Leads the cells' lines back to the chart.
    fn trace(&self, run: &mut Run, subject: &Subject, file: &str) {
        let mut tracer = Tracer::new((file, &subject.rendered), CHART, &self.chart);
        run.cells.iter_mut().for_each(|cell| tracer.trace(cell));
    }

    fn release(&self, subject: &Subject, file: &str) -> Result<Release, JudgementError> {
        let access = &subject.values["access"];
        if access["clusterWide"] == true {
            return Err(JudgementError::ClusterWide);
        }
        let acts_in = acts_in(subject);
        let mut release = Release::read(
            &subject.tier,
            (&subject.namespace, account(subject)),
            &acts_in,
            (file, &subject.rendered),
        )?;
        release.name.clone_from(&subject.name);
        Ok(release)
    }
}

/// Where a subject's rules of scope `namespace` hold.
fn acts_in(subject: &Subject) -> Vec<&str> {
    let named = subject.values["access"]["namespaces"]
        .as_array()
        .filter(|_| subject.tier == "operator");
    named.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// A subject's service account.
fn account(subject: &Subject) -> &str {
    let account = &subject.values["serviceAccount"];
    let default = if account["create"] == false { "default" } else { NAME };
    account["name"]
        .as_str()
        .filter(|name| !name.is_empty())
        .unwrap_or(default)
}

/// A subject as rules see it.
fn whole(subject: &Subject, file: &str) -> Result<Whole, JudgementError> {
    let origin = Origin::Release {
        tier: subject.tier.clone(),
        namespace: subject.namespace.clone(),
        account: account(subject).to_owned(),
        acts_in: acts_in(subject).into_iter().map(str::to_owned).collect(),
        values: subject.values.clone(),
    };
    Ok(Whole::of_release(&subject.name, origin, (file, &subject.rendered))?)
}

fn read(path: &Path) -> Result<String, JudgementError> {
    fs::read_to_string(path).map_err(|source| JudgementError::Read {
        path: path.to_owned(),
        source,
    })
}

/// The text files below a folder, by their path in it.
fn gather(folder: &Path, below: &Path, files: &mut Files) -> Result<(), JudgementError> {
    let failed = |source| JudgementError::Read {
        path: folder.to_owned(),
        source,
    };
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = below.join(entry.file_name());
        if entry.file_type().map_err(failed)?.is_dir() {
            gather(&entry.path(), &path, files)?;
        } else {
            files.insert(path.to_string_lossy().into_owned(), read(&entry.path())?);
        }
    }
    Ok(())
}
