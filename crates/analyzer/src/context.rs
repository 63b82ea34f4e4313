//! Where in a statement an expression stands, and what is forbidden there.

use base::{Error, Result, err};

/// Where an expression stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExprKind {
    #[default]
    None,
    Other,
    JoinOn,
    JoinUsing,
    FromSubselect,
    FromFunction,
    Where,
    Policy,
    Having,
    Filter,
    WindowPartition,
    WindowOrder,
    WindowFrameRange,
    WindowFrameRows,
    WindowFrameGroups,
    SelectTarget,
    InsertTarget,
    UpdateSource,
    UpdateTarget,
    MergeWhen,
    GroupBy,
    OrderBy,
    DistinctOn,
    Limit,
    Offset,
    Returning,
    MergeReturning,
    Values,
    ValuesSingle,
    CheckConstraint,
    DomainCheck,
    ColumnDefault,
    FunctionDefault,
    IndexExpression,
    IndexPredicate,
    StatisticsExpression,
    AlterColumnTransform,
    ExecuteParameter,
    TriggerWhen,
    PartitionBound,
    PartitionKey,
    CallArgument,
    CopyWhere,
    Generated,
    CycleMark,
}

impl ExprKind {
    /// The clause's name in messages.
    pub fn name(self) -> &'static str {
        use ExprKind::*;
        match self {
            None => "invalid expression context",
            Other => "extension expression",
            JoinOn => "JOIN/ON",
            JoinUsing => "JOIN/USING",
            FromSubselect => "sub-SELECT in FROM",
            FromFunction => "function in FROM",
            Where => "WHERE",
            Policy => "POLICY",
            Having => "HAVING",
            Filter => "FILTER",
            WindowPartition => "window PARTITION BY",
            WindowOrder => "window ORDER BY",
            WindowFrameRange => "window RANGE",
            WindowFrameRows => "window ROWS",
            WindowFrameGroups => "window GROUPS",
            SelectTarget => "SELECT",
            InsertTarget => "INSERT",
            UpdateSource | UpdateTarget => "UPDATE",
            MergeWhen => "MERGE WHEN",
            GroupBy => "GROUP BY",
            OrderBy => "ORDER BY",
            DistinctOn => "DISTINCT ON",
            Limit => "LIMIT",
            Offset => "OFFSET",
            Returning | MergeReturning => "RETURNING",
            Values | ValuesSingle => "VALUES",
            CheckConstraint | DomainCheck => "CHECK",
            ColumnDefault | FunctionDefault => "DEFAULT",
            IndexExpression => "index expression",
            IndexPredicate => "index predicate",
            StatisticsExpression => "statistics expression",
            AlterColumnTransform => "USING",
            ExecuteParameter => "EXECUTE",
            TriggerWhen => "WHEN",
            PartitionBound => "partition bound",
            PartitionKey => "PARTITION BY",
            CallArgument => "CALL",
            CopyWhere => "WHERE",
            Generated => "GENERATED AS",
            CycleMark => "CYCLE",
        }
    }

    /// How contexts outside ordinary queries are called, in the plural.
    fn phrase(self) -> Option<&'static str> {
        use ExprKind::*;
        Some(match self {
            JoinOn | JoinUsing => "JOIN conditions",
            FromFunction => "functions in FROM",
            Policy => "policy expressions",
            WindowFrameRange => "window RANGE",
            WindowFrameRows => "window ROWS",
            WindowFrameGroups => "window GROUPS",
            MergeWhen => "MERGE WHEN conditions",
            CheckConstraint | DomainCheck => "check constraints",
            ColumnDefault | FunctionDefault => "DEFAULT expressions",
            IndexExpression => "index expressions",
            IndexPredicate => "index predicates",
            StatisticsExpression => "statistics expressions",
            AlterColumnTransform => "transform expressions",
            ExecuteParameter => "EXECUTE parameters",
            TriggerWhen => "trigger WHEN conditions",
            PartitionBound => "partition bound",
            PartitionKey => "partition key expressions",
            CallArgument => "CALL arguments",
            CopyWhere => "COPY FROM WHERE conditions",
            Generated => "column generation expressions",
            _ => return Option::None,
        })
    }

    fn place(self) -> &'static str {
        self.phrase().unwrap_or(self.name())
    }

    /// # Errors
    /// `42803` where aggregates (or GROUPING) are not allowed.
    pub(crate) fn check_aggregate(self, grouping: bool) -> Result<()> {
        use ExprKind::*;
        let what = if grouping { "grouping operations" } else { "aggregate functions" };
        match self {
            None | Other | Having | SelectTarget | OrderBy | DistinctOn | WindowPartition | WindowOrder => {
                Ok(())
            }
            FromSubselect => {
                Err(err!(GROUPING_ERROR, "{what} are not allowed in FROM clause of their own query level"))
            }
            _ => Err(err!(GROUPING_ERROR, "{what} are not allowed in {}", self.place())),
        }
    }

    /// # Errors
    /// `42P20` where window functions are not allowed.
    pub(crate) fn check_window(self) -> Result<()> {
        use ExprKind::*;
        match self {
            None | Other | SelectTarget | OrderBy | DistinctOn => Ok(()),
            WindowPartition | WindowOrder | WindowFrameRange | WindowFrameRows | WindowFrameGroups => {
                Err(err!(WINDOWING_ERROR, "window functions are not allowed in window definitions"))
            }
            _ => Err(err!(WINDOWING_ERROR, "window functions are not allowed in {}", self.place())),
        }
    }

    /// # Errors
    /// `0A000` where set-returning functions are not allowed.
    pub(crate) fn check_set_returning(self) -> Result<()> {
        use ExprKind::*;
        match self {
            None | Other | FromFunction | SelectTarget | InsertTarget | GroupBy | OrderBy | DistinctOn
            | ValuesSingle => Ok(()),
            WindowPartition | WindowOrder | WindowFrameRange | WindowFrameRows | WindowFrameGroups => {
                Err(refuse("set-returning functions are not allowed in window definitions".to_owned()))
            }
            _ => Err(refuse(format!("set-returning functions are not allowed in {}", self.place()))),
        }
    }

    /// # Errors
    /// `0A000` where subqueries are not allowed.
    pub(crate) fn check_subquery(self) -> Result<()> {
        use ExprKind::*;
        let place = match self {
            CheckConstraint | DomainCheck => "check constraint",
            ColumnDefault | FunctionDefault => "DEFAULT expression",
            IndexExpression => "index expression",
            IndexPredicate => "index predicate",
            StatisticsExpression => "statistics expression",
            AlterColumnTransform => "transform expression",
            ExecuteParameter => "EXECUTE parameter",
            TriggerWhen => "trigger WHEN condition",
            PartitionBound => "partition bound",
            PartitionKey => "partition key expression",
            CallArgument => "CALL argument",
            CopyWhere => "COPY FROM WHERE condition",
            Generated => "column generation expression",
            _ => return Ok(()),
        };
        Err(refuse(format!("cannot use subquery in {place}")))
    }

    /// # Errors
    /// `0A000` where columns cannot be referenced.
    pub(crate) fn check_column_reference(self) -> Result<()> {
        match self {
            ExprKind::ColumnDefault => {
                Err(refuse("cannot use column reference in DEFAULT expression".to_owned()))
            }
            ExprKind::PartitionBound => {
                Err(refuse("cannot use column reference in partition bound expression".to_owned()))
            }
            _ => Ok(()),
        }
    }
}

fn refuse(message: String) -> Error {
    err!(FEATURE_NOT_SUPPORTED, "{message}")
}
