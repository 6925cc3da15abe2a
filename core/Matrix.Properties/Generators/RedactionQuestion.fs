namespace Matrix.Properties.Generators

open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event

/// What may be asked of a redaction that was accepted.
[<RequireQualifiedAccess>]
type RedactionQuestion =
    /// Whether servers apply it.
    | Applied
    /// Whether its sender may have their own server send it.
    | Sent

    /// Each of them.
    static member All = [ RedactionQuestion.Applied; RedactionQuestion.Sent ]

    /// As vectors write it.
    member this.Word =
        match this with
        | RedactionQuestion.Applied -> "applied"
        | RedactionQuestion.Sent -> "sent"

    /// The rules of a version that answer it.
    member this.Table(version: RoomVersion) : Rule list =
        match this with
        | RedactionQuestion.Applied -> version.Handling
        | RedactionQuestion.Sent -> Authorization.Handling.ofClients

    /// What the host's evaluator says.
    member this.Ask(rules: AuthRules, redaction: Pdu, redactedSender: string, state: IAuthState) : Decision =
        match this with
        | RedactionQuestion.Applied -> rules.Applies(redaction, redactedSender, state)
        | RedactionQuestion.Sent -> rules.MayAsk(redaction, redactedSender, state)
