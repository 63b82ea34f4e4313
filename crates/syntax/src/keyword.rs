//! The key words of PostgreSQL 18: spelling, category, and whether they may be a column label without AS.

/// What a key word may be used as, besides its grammatical role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// Any name.
    Unreserved,
    /// A column or table name, but no function or type name.
    ColumnName,
    /// A function or type name, but no column or table name.
    TypeFunctionName,
    /// Only a label after AS.
    Reserved,
}

/// One entry of [`KEYWORDS`].
#[derive(Clone, Copy, Debug)]
pub struct KeywordEntry {
    pub name: &'static str,
    pub category: Category,
    /// May be a column label without AS.
    pub bare_label: bool,
}

const U: Category = Category::Unreserved;
const C: Category = Category::ColumnName;
const T: Category = Category::TypeFunctionName;
const R: Category = Category::Reserved;

const fn bare(name: &'static str, category: Category) -> KeywordEntry {
    KeywordEntry { name, category, bare_label: true }
}

const fn with_as(name: &'static str, category: Category) -> KeywordEntry {
    KeywordEntry { name, category, bare_label: false }
}

macro_rules! keywords {
    ($($variant:ident $name:literal $category:ident $label:ident;)*) => {
        /// A key word, in the order of [`KEYWORDS`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u16)]
        pub enum Keyword {
            $($variant,)*
        }

        const ALL: &[Keyword] = &[$(Keyword::$variant,)*];

        /// All key words, sorted by spelling.
        pub static KEYWORDS: &[KeywordEntry] = &[$($label($name, $category),)*];
    };
}

impl Keyword {
    pub fn entry(self) -> &'static KeywordEntry {
        &KEYWORDS[self as usize]
    }

    pub fn name(self) -> &'static str {
        self.entry().name
    }

    pub fn category(self) -> Category {
        self.entry().category
    }
}

/// Slots of the open-addressing table that [`lookup`] uses: a power of two, about four per key word.
const SLOTS: usize = 2048;
const LONGEST: usize = 17;

/// FNV-1a, folded to a slot.
const fn slot_of(word: &[u8]) -> usize {
    let mut hash = 0x811c_9dc5_u32;
    let mut i = 0;
    while i < word.len() {
        hash = (hash ^ word[i] as u32).wrapping_mul(0x0100_0193);
        i += 1;
    }
    (hash ^ (hash >> 15)) as usize & (SLOTS - 1)
}

/// Index into [`KEYWORDS`] plus one; 0 is an empty slot.
static TABLE: [u16; SLOTS] = {
    let mut table = [0; SLOTS];
    let mut i = 0;
    while i < ALL.len() {
        let mut slot = slot_of(KEYWORDS[i].name.as_bytes());
        while table[slot] != 0 {
            slot = (slot + 1) & (SLOTS - 1);
        }
        table[slot] = i as u16 + 1;
        i += 1;
    }
    table
};

/// The key word that `word` is; case is ignored in ASCII only.
pub fn lookup(word: &str) -> Option<Keyword> {
    if word.len() > LONGEST || word.len() < 2 {
        return None;
    }
    let mut buffer = [0; LONGEST];
    let folded = &mut buffer[..word.len()];
    folded.copy_from_slice(word.as_bytes());
    folded.make_ascii_lowercase();
    let mut slot = slot_of(folded);
    loop {
        let index = usize::from(TABLE[slot]).checked_sub(1)?;
        if KEYWORDS[index].name.as_bytes() == folded {
            return Some(ALL[index]);
        }
        slot = (slot + 1) & (SLOTS - 1);
    }
}

keywords! {
    Abort "abort" U bare;
    Absent "absent" U bare;
    Absolute "absolute" U bare;
    Access "access" U bare;
    Action "action" U bare;
    Add "add" U bare;
    Admin "admin" U bare;
    After "after" U bare;
    Aggregate "aggregate" U bare;
    All "all" R bare;
    Also "also" U bare;
    Alter "alter" U bare;
    Always "always" U bare;
    Analyse "analyse" R bare;
    Analyze "analyze" R bare;
    And "and" R bare;
    Any "any" R bare;
    Array "array" R with_as;
    As "as" R with_as;
    Asc "asc" R bare;
    Asensitive "asensitive" U bare;
    Assertion "assertion" U bare;
    Assignment "assignment" U bare;
    Asymmetric "asymmetric" R bare;
    At "at" U bare;
    Atomic "atomic" U bare;
    Attach "attach" U bare;
    Attribute "attribute" U bare;
    Authorization "authorization" T bare;
    Backward "backward" U bare;
    Before "before" U bare;
    Begin "begin" U bare;
    Between "between" C bare;
    Bigint "bigint" C bare;
    Binary "binary" T bare;
    Bit "bit" C bare;
    Boolean "boolean" C bare;
    Both "both" R bare;
    Breadth "breadth" U bare;
    By "by" U bare;
    Cache "cache" U bare;
    Call "call" U bare;
    Called "called" U bare;
    Cascade "cascade" U bare;
    Cascaded "cascaded" U bare;
    Case "case" R bare;
    Cast "cast" R bare;
    Catalog "catalog" U bare;
    Chain "chain" U bare;
    Char "char" C with_as;
    Character "character" C with_as;
    Characteristics "characteristics" U bare;
    Check "check" R bare;
    Checkpoint "checkpoint" U bare;
    Class "class" U bare;
    Close "close" U bare;
    Cluster "cluster" U bare;
    Coalesce "coalesce" C bare;
    Collate "collate" R bare;
    Collation "collation" T bare;
    Column "column" R bare;
    Columns "columns" U bare;
    Comment "comment" U bare;
    Comments "comments" U bare;
    Commit "commit" U bare;
    Committed "committed" U bare;
    Compression "compression" U bare;
    Concurrently "concurrently" T bare;
    Conditional "conditional" U bare;
    Configuration "configuration" U bare;
    Conflict "conflict" U bare;
    Connection "connection" U bare;
    Constraint "constraint" R bare;
    Constraints "constraints" U bare;
    Content "content" U bare;
    Continue "continue" U bare;
    Conversion "conversion" U bare;
    Copy "copy" U bare;
    Cost "cost" U bare;
    Create "create" R with_as;
    Cross "cross" T bare;
    Csv "csv" U bare;
    Cube "cube" U bare;
    Current "current" U bare;
    CurrentCatalog "current_catalog" R bare;
    CurrentDate "current_date" R bare;
    CurrentRole "current_role" R bare;
    CurrentSchema "current_schema" T bare;
    CurrentTime "current_time" R bare;
    CurrentTimestamp "current_timestamp" R bare;
    CurrentUser "current_user" R bare;
    Cursor "cursor" U bare;
    Cycle "cycle" U bare;
    Data "data" U bare;
    Database "database" U bare;
    Day "day" U with_as;
    Deallocate "deallocate" U bare;
    Dec "dec" C bare;
    Decimal "decimal" C bare;
    Declare "declare" U bare;
    Default "default" R bare;
    Defaults "defaults" U bare;
    Deferrable "deferrable" R bare;
    Deferred "deferred" U bare;
    Definer "definer" U bare;
    Delete "delete" U bare;
    Delimiter "delimiter" U bare;
    Delimiters "delimiters" U bare;
    Depends "depends" U bare;
    Depth "depth" U bare;
    Desc "desc" R bare;
    Detach "detach" U bare;
    Dictionary "dictionary" U bare;
    Disable "disable" U bare;
    Discard "discard" U bare;
    Distinct "distinct" R bare;
    Do "do" R bare;
    Document "document" U bare;
    Domain "domain" U bare;
    Double "double" U bare;
    Drop "drop" U bare;
    Each "each" U bare;
    Else "else" R bare;
    Empty "empty" U bare;
    Enable "enable" U bare;
    Encoding "encoding" U bare;
    Encrypted "encrypted" U bare;
    End "end" R bare;
    Enforced "enforced" U bare;
    Enum "enum" U bare;
    Error "error" U bare;
    Escape "escape" U bare;
    Event "event" U bare;
    Except "except" R with_as;
    Exclude "exclude" U bare;
    Excluding "excluding" U bare;
    Exclusive "exclusive" U bare;
    Execute "execute" U bare;
    Exists "exists" C bare;
    Explain "explain" U bare;
    Expression "expression" U bare;
    Extension "extension" U bare;
    External "external" U bare;
    Extract "extract" C bare;
    False "false" R bare;
    Family "family" U bare;
    Fetch "fetch" R with_as;
    Filter "filter" U with_as;
    Finalize "finalize" U bare;
    First "first" U bare;
    Float "float" C bare;
    Following "following" U bare;
    For "for" R with_as;
    Force "force" U bare;
    Foreign "foreign" R bare;
    Format "format" U bare;
    Forward "forward" U bare;
    Freeze "freeze" T bare;
    From "from" R with_as;
    Full "full" T bare;
    Function "function" U bare;
    Functions "functions" U bare;
    Generated "generated" U bare;
    Global "global" U bare;
    Grant "grant" R with_as;
    Granted "granted" U bare;
    Greatest "greatest" C bare;
    Group "group" R with_as;
    Grouping "grouping" C bare;
    Groups "groups" U bare;
    Handler "handler" U bare;
    Having "having" R with_as;
    Header "header" U bare;
    Hold "hold" U bare;
    Hour "hour" U with_as;
    Identity "identity" U bare;
    If "if" U bare;
    Ilike "ilike" T bare;
    Immediate "immediate" U bare;
    Immutable "immutable" U bare;
    Implicit "implicit" U bare;
    Import "import" U bare;
    In "in" R bare;
    Include "include" U bare;
    Including "including" U bare;
    Increment "increment" U bare;
    Indent "indent" U bare;
    Index "index" U bare;
    Indexes "indexes" U bare;
    Inherit "inherit" U bare;
    Inherits "inherits" U bare;
    Initially "initially" R bare;
    Inline "inline" U bare;
    Inner "inner" T bare;
    Inout "inout" C bare;
    Input "input" U bare;
    Insensitive "insensitive" U bare;
    Insert "insert" U bare;
    Instead "instead" U bare;
    Int "int" C bare;
    Integer "integer" C bare;
    Intersect "intersect" R with_as;
    Interval "interval" C bare;
    Into "into" R with_as;
    Invoker "invoker" U bare;
    Is "is" T bare;
    Isnull "isnull" T with_as;
    Isolation "isolation" U bare;
    Join "join" T bare;
    Json "json" C bare;
    JsonArray "json_array" C bare;
    JsonArrayagg "json_arrayagg" C bare;
    JsonExists "json_exists" C bare;
    JsonObject "json_object" C bare;
    JsonObjectagg "json_objectagg" C bare;
    JsonQuery "json_query" C bare;
    JsonScalar "json_scalar" C bare;
    JsonSerialize "json_serialize" C bare;
    JsonTable "json_table" C bare;
    JsonValue "json_value" C bare;
    Keep "keep" U bare;
    Key "key" U bare;
    Keys "keys" U bare;
    Label "label" U bare;
    Language "language" U bare;
    Large "large" U bare;
    Last "last" U bare;
    Lateral "lateral" R bare;
    Leading "leading" R bare;
    Leakproof "leakproof" U bare;
    Least "least" C bare;
    Left "left" T bare;
    Level "level" U bare;
    Like "like" T bare;
    Limit "limit" R with_as;
    Listen "listen" U bare;
    Load "load" U bare;
    Local "local" U bare;
    Localtime "localtime" R bare;
    Localtimestamp "localtimestamp" R bare;
    Location "location" U bare;
    Lock "lock" U bare;
    Locked "locked" U bare;
    Logged "logged" U bare;
    Mapping "mapping" U bare;
    Match "match" U bare;
    Matched "matched" U bare;
    Materialized "materialized" U bare;
    Maxvalue "maxvalue" U bare;
    Merge "merge" U bare;
    MergeAction "merge_action" C bare;
    Method "method" U bare;
    Minute "minute" U with_as;
    Minvalue "minvalue" U bare;
    Mode "mode" U bare;
    Month "month" U with_as;
    Move "move" U bare;
    Name "name" U bare;
    Names "names" U bare;
    National "national" C bare;
    Natural "natural" T bare;
    Nchar "nchar" C bare;
    Nested "nested" U bare;
    New "new" U bare;
    Next "next" U bare;
    Nfc "nfc" U bare;
    Nfd "nfd" U bare;
    Nfkc "nfkc" U bare;
    Nfkd "nfkd" U bare;
    No "no" U bare;
    None "none" C bare;
    Normalize "normalize" C bare;
    Normalized "normalized" U bare;
    Not "not" R bare;
    Nothing "nothing" U bare;
    Notify "notify" U bare;
    Notnull "notnull" T with_as;
    Nowait "nowait" U bare;
    Null "null" R bare;
    Nullif "nullif" C bare;
    Nulls "nulls" U bare;
    Numeric "numeric" C bare;
    Object "object" U bare;
    Objects "objects" U bare;
    Of "of" U bare;
    Off "off" U bare;
    Offset "offset" R with_as;
    Oids "oids" U bare;
    Old "old" U bare;
    Omit "omit" U bare;
    On "on" R with_as;
    Only "only" R bare;
    Operator "operator" U bare;
    Option "option" U bare;
    Options "options" U bare;
    Or "or" R bare;
    Order "order" R with_as;
    Ordinality "ordinality" U bare;
    Others "others" U bare;
    Out "out" C bare;
    Outer "outer" T bare;
    Over "over" U with_as;
    Overlaps "overlaps" T with_as;
    Overlay "overlay" C bare;
    Overriding "overriding" U bare;
    Owned "owned" U bare;
    Owner "owner" U bare;
    Parallel "parallel" U bare;
    Parameter "parameter" U bare;
    Parser "parser" U bare;
    Partial "partial" U bare;
    Partition "partition" U bare;
    Passing "passing" U bare;
    Password "password" U bare;
    Path "path" U bare;
    Period "period" U bare;
    Placing "placing" R bare;
    Plan "plan" U bare;
    Plans "plans" U bare;
    Policy "policy" U bare;
    Position "position" C bare;
    Preceding "preceding" U bare;
    Precision "precision" C with_as;
    Prepare "prepare" U bare;
    Prepared "prepared" U bare;
    Preserve "preserve" U bare;
    Primary "primary" R bare;
    Prior "prior" U bare;
    Privileges "privileges" U bare;
    Procedural "procedural" U bare;
    Procedure "procedure" U bare;
    Procedures "procedures" U bare;
    Program "program" U bare;
    Publication "publication" U bare;
    Quote "quote" U bare;
    Quotes "quotes" U bare;
    Range "range" U bare;
    Read "read" U bare;
    Real "real" C bare;
    Reassign "reassign" U bare;
    Recursive "recursive" U bare;
    Ref "ref" U bare;
    References "references" R bare;
    Referencing "referencing" U bare;
    Refresh "refresh" U bare;
    Reindex "reindex" U bare;
    Relative "relative" U bare;
    Release "release" U bare;
    Rename "rename" U bare;
    Repeatable "repeatable" U bare;
    Replace "replace" U bare;
    Replica "replica" U bare;
    Reset "reset" U bare;
    Restart "restart" U bare;
    Restrict "restrict" U bare;
    Return "return" U bare;
    Returning "returning" R with_as;
    Returns "returns" U bare;
    Revoke "revoke" U bare;
    Right "right" T bare;
    Role "role" U bare;
    Rollback "rollback" U bare;
    Rollup "rollup" U bare;
    Routine "routine" U bare;
    Routines "routines" U bare;
    Row "row" C bare;
    Rows "rows" U bare;
    Rule "rule" U bare;
    Savepoint "savepoint" U bare;
    Scalar "scalar" U bare;
    Schema "schema" U bare;
    Schemas "schemas" U bare;
    Scroll "scroll" U bare;
    Search "search" U bare;
    Second "second" U with_as;
    Security "security" U bare;
    Select "select" R bare;
    Sequence "sequence" U bare;
    Sequences "sequences" U bare;
    Serializable "serializable" U bare;
    Server "server" U bare;
    Session "session" U bare;
    SessionUser "session_user" R bare;
    Set "set" U bare;
    Setof "setof" C bare;
    Sets "sets" U bare;
    Share "share" U bare;
    Show "show" U bare;
    Similar "similar" T bare;
    Simple "simple" U bare;
    Skip "skip" U bare;
    Smallint "smallint" C bare;
    Snapshot "snapshot" U bare;
    Some "some" R bare;
    Source "source" U bare;
    Sql "sql" U bare;
    Stable "stable" U bare;
    Standalone "standalone" U bare;
    Start "start" U bare;
    Statement "statement" U bare;
    Statistics "statistics" U bare;
    Stdin "stdin" U bare;
    Stdout "stdout" U bare;
    Storage "storage" U bare;
    Stored "stored" U bare;
    Strict "strict" U bare;
    String "string" U bare;
    Strip "strip" U bare;
    Subscription "subscription" U bare;
    Substring "substring" C bare;
    Support "support" U bare;
    Symmetric "symmetric" R bare;
    Sysid "sysid" U bare;
    System "system" U bare;
    SystemUser "system_user" R bare;
    Table "table" R bare;
    Tables "tables" U bare;
    Tablesample "tablesample" T bare;
    Tablespace "tablespace" U bare;
    Target "target" U bare;
    Temp "temp" U bare;
    Template "template" U bare;
    Temporary "temporary" U bare;
    Text "text" U bare;
    Then "then" R bare;
    Ties "ties" U bare;
    Time "time" C bare;
    Timestamp "timestamp" C bare;
    To "to" R with_as;
    Trailing "trailing" R bare;
    Transaction "transaction" U bare;
    Transform "transform" U bare;
    Treat "treat" C bare;
    Trigger "trigger" U bare;
    Trim "trim" C bare;
    True "true" R bare;
    Truncate "truncate" U bare;
    Trusted "trusted" U bare;
    Type "type" U bare;
    Types "types" U bare;
    Uescape "uescape" U bare;
    Unbounded "unbounded" U bare;
    Uncommitted "uncommitted" U bare;
    Unconditional "unconditional" U bare;
    Unencrypted "unencrypted" U bare;
    Union "union" R with_as;
    Unique "unique" R bare;
    Unknown "unknown" U bare;
    Unlisten "unlisten" U bare;
    Unlogged "unlogged" U bare;
    Until "until" U bare;
    Update "update" U bare;
    User "user" R bare;
    Using "using" R bare;
    Vacuum "vacuum" U bare;
    Valid "valid" U bare;
    Validate "validate" U bare;
    Validator "validator" U bare;
    Value "value" U bare;
    Values "values" C bare;
    Varchar "varchar" C bare;
    Variadic "variadic" R bare;
    Varying "varying" U with_as;
    Verbose "verbose" T bare;
    Version "version" U bare;
    View "view" U bare;
    Views "views" U bare;
    Virtual "virtual" U bare;
    Volatile "volatile" U bare;
    When "when" R bare;
    Where "where" R with_as;
    Whitespace "whitespace" U bare;
    Window "window" R with_as;
    With "with" R with_as;
    Within "within" U with_as;
    Without "without" U with_as;
    Work "work" U bare;
    Wrapper "wrapper" U bare;
    Write "write" U bare;
    Xml "xml" U bare;
    Xmlattributes "xmlattributes" C bare;
    Xmlconcat "xmlconcat" C bare;
    Xmlelement "xmlelement" C bare;
    Xmlexists "xmlexists" C bare;
    Xmlforest "xmlforest" C bare;
    Xmlnamespaces "xmlnamespaces" C bare;
    Xmlparse "xmlparse" C bare;
    Xmlpi "xmlpi" C bare;
    Xmlroot "xmlroot" C bare;
    Xmlserialize "xmlserialize" C bare;
    Xmltable "xmltable" C bare;
    Year "year" U with_as;
    Yes "yes" U bare;
    Zone "zone" U bare;
}
