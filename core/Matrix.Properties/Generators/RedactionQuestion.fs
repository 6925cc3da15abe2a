namespace Matrix.Properties.Generators

open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event

/// A question about an accepted redaction.
[<RequireQualifiedAccess>]
type RedactionQuestion =
    /// Whether servers apply it.
    | Applied
    /// Whether a client may request it.
    | Sent

    /// All questions.
    static member All = [ RedactionQuestion.Applied; RedactionQuestion.Sent ]

    /// Its name in vectors.
    member this.Word =
        match this with
        | RedactionQuestion.Applied -> "applied"
        | RedactionQuestion.Sent -> "sent"

    /// The version's rules that decide it.
    member this.Table(version: RoomVersion) : Rule list =
        match this with
        | RedactionQuestion.Applied -> version.Handling
        | RedactionQuestion.Sent -> Authorization.Handling.ofClients

    /// The decision of the host's evaluator.
    member this.Ask(rules: AuthRules, redaction: Pdu, redactedSender: string, state: IAuthState) : Decision =
        match this with
        | RedactionQuestion.Applied -> rules.Applies(redaction, redactedSender, state)
        | RedactionQuestion.Sent -> rules.MayRedact(redaction, redactedSender, state)
