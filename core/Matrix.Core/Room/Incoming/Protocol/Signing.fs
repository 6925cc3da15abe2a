namespace Matrix.Core.Room.Incoming.Protocol

open System
open Matrix.Core.Event

/// The state of an event's required signatures.
[<RequireQualifiedAccess>]
type internal SignatureState =
    | Holds
    /// A signature is invalid, or missing although the server's keys were requested.
    | Broken of server: string
    /// A server's keys are not known yet.
    | NeedsKeys of server: string

/// Check 2 of those on receipt. v1.19 server-server-api#validating-hashes-and-signatures-on-received-events
[<RequireQualifiedAccess>]
module internal Signing =

    let private ofServer (event: ReceivedEvent) (keysRequested: string -> bool) (server: string) : SignatureState =
        if event.IsSignedBy server then
            SignatureState.Holds
        else
            let own =
                event.Signatures
                |> Array.filter (fun s -> String.Equals(s.Signature.Entity, server))

            if
                own.Length = 0
                || own |> Array.exists (fun s -> s.Fate = SignatureFate.Invalid)
                || keysRequested server
            then
                SignatureState.Broken server
            else
                SignatureState.NeedsKeys server

    /// The first fault among the required signers.
    let state (event: ReceivedEvent) (keysRequested: string -> bool) : SignatureState =
        // Mostly, all hold.
        let isSigned server = event.IsSignedBy server

        let faults =
            if Array.forall isSigned event.RequiredSigners then
                [||]
            else
                event.RequiredSigners
                |> Array.map (ofServer event keysRequested)
                |> Array.filter (fun s -> s <> SignatureState.Holds)

        match faults |> Array.tryFind (fun (s: SignatureState) -> s.IsBroken) with
        | Some broken -> broken
        | None ->
            match Array.tryHead faults with
            | Some waiting -> waiting
            | None ->
                // The authorization rules reject an event without a valid signature of the authorising user's server. A
                // signature that cannot be checked here is no reason to reject: other servers may be able to check it,
                // and a rejection is final.
                match event.AuthorisingServer with
                | "" -> SignatureState.Holds
                | server ->
                    let isUntold =
                        event.Signatures
                        |> Array.exists (fun s ->
                            String.Equals(s.Signature.Entity, server) && s.Fate = SignatureFate.Skipped)

                    match ofServer event keysRequested server with
                    | SignatureState.Broken _ when not isUntold -> SignatureState.Holds
                    | state -> state

    /// The servers whose valid signatures the rules may require.
    let signers (event: ReceivedEvent) : string[] =
        match event.Signatures with
        | [| one |] when one.Fate.IsValid -> [| one.Signature.Entity |]
        | signatures ->
            signatures
            |> Array.map _.Signature.Entity
            |> Array.distinct
            |> Array.filter (fun server -> event.IsSignedBy server)
