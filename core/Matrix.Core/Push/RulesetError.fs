namespace Matrix.Core.Push

/// Why an edit of push rules was refused. v1.19 client-server-api#push-rules-api
[<RequireQualifiedAccess>]
type RulesetError =
    /// There is no such rule.
    | NoSuchRule of ruleId: string
    /// Ids that start with a dot are reserved for the server.
    | ReservedId of ruleId: string
    /// Rules of this kind are the server's.
    | KindIsServers of kind: string
    /// An id is empty, or contains a slash or backslash.
    | IllegalId of ruleId: string
    /// The rule named by `before` or `after` does not exist.
    | NoSuchNeighbour of ruleId: string
    /// Rules cannot be placed relative to the server's rules.
    | NeighbourIsDefault of ruleId: string
    /// A required member of the body is missing.
    | Missing of name: string
    /// A member of the body has the wrong type.
    | WrongType of name: string * expected: string
    /// Beyond a limit: rules of a kind, conditions or actions in a rule, characters in an id or a pattern.
    | TooMuch of what: string * limit: int

    /// The error's `errcode`.
    member this.ErrCode: string =
        match this with
        | NoSuchRule _ -> "M_NOT_FOUND"
        | ReservedId _
        | KindIsServers _
        | IllegalId _ -> "M_INVALID_PARAM"
        | NoSuchNeighbour _
        | NeighbourIsDefault _ -> "M_UNKNOWN"
        | Missing _ -> "M_MISSING_PARAM"
        | WrongType _ -> "M_BAD_JSON"
        | TooMuch _ -> "M_TOO_LARGE"

    /// The error's HTTP status.
    member this.Status: int =
        match this with
        | NoSuchRule _ -> 404
        | TooMuch _ -> 413
        | _ -> 400

    /// The error's message.
    override this.ToString() =
        match this with
        | NoSuchRule id -> $"There is no push rule {id}."
        | ReservedId id -> $"Push rule ids that begin with a dot are the server's: {id}."
        | KindIsServers kind -> $"Push rules of the kind {kind} are the server's."
        | IllegalId id -> $"A push rule id is not empty and holds no slash and no backslash: {id}."
        | NoSuchNeighbour id -> $"before/after rule not found: {id}."
        | NeighbourIsDefault id -> $"A rule cannot be placed relative to the server's rule {id}."
        | Missing name -> $"{name} is required."
        | WrongType(name, expected) -> $"{name} must be {expected}."
        | TooMuch(what, limit) -> $"At most {limit} {what}."
