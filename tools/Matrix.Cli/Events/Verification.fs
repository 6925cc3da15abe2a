/// `mx event verify`. v1.19 server-server-api#validating-hashes-and-signatures-on-received-events
module internal Matrix.Cli.Events.Verification

open System
open System.Collections.Generic
open Argu
open Matrix.Cli.Input
open Matrix.Cli.Output
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Host.Crypto
open Matrix.Rules

/// A server's key, and the time until which it is valid.
type private Known = { Key: byte[]; Until: int64 }

type private KeyRing = Dictionary<struct (string * string), Known>

let private add
    (ring: KeyRing)
    (place: string)
    (server: string)
    (keyId: string)
    (key: string)
    (until: int64)
    : Ending option =
    match Base64Text.TryDecode key with
    | true, NonNull bytes when bytes.Length = Ed25519.PublicKeySize ->
        ring[struct (server, keyId)] <- { Key = bytes; Until = until }
        None
    | _ -> Some(Misused $"{place}: `{keyId}`: expected {Ed25519.PublicKeySize} bytes in base64")

let private number (o: JsonObject) key (otherwise: int64) =
    match o.TryFind key with
    | ValueSome(Json.Int n) -> n
    | _ -> otherwise

/// Adds the keys of one server's response.
let private addAnswer (ring: KeyRing) (item: EventTexts.Item) : Ending option =
    match item.Value with
    | Json.Object answer ->
        match answer.Text "server_name" with
        | null -> Some(Misused $"{item.Place}: expected `server_name`")
        | server ->
            let keysAt name (untilOf: JsonObject -> int64) = [
                match answer.TryFind name with
                | ValueSome(Json.Object keys) ->
                    for struct (keyId, value) in keys.Members do
                        match value with
                        | Json.Object o ->
                            add ring $"{item.Place}: `{name}`" server keyId (string (o.Text "key")) (untilOf o)
                        | _ -> Some(Misused $"{item.Place}: `{name}`: `{keyId}`: expected an object with `key`")
                | _ -> ()
            ]

            keysAt "verify_keys" (fun _ -> number answer "valid_until_ts" Int64.MaxValue)
            @ keysAt "old_verify_keys" (fun o -> number o "expired_ts" 0L)
            |> List.tryPick id
    | _ -> Some(Misused $"{item.Place}: expected an object with `server_name` and `verify_keys`")

let private ringOf (arguments: ParseResults<EventVerifyArguments>) : Result<KeyRing, Ending> =
    let ring = KeyRing()

    let ofFile file =
        match EventTexts.read (Some file) |> Result.bind (EventTexts.items [ "server_keys" ]) with
        | Error ending -> Some ending
        | Ok items -> items |> List.tryPick (addAnswer ring)

    let ofArgument (server, keyId, key) =
        add ring "--public-key" server keyId key Int64.MaxValue

    arguments.GetResults EventVerifyArguments.Keys
    |> List.tryPick ofFile
    |> Option.orElseWith (fun () -> arguments.GetResults Public_Key |> List.tryPick ofArgument)
    |> function
        | Some ending -> Error ending
        | None -> Ok ring

/// The result of checking a signature, and the word for it.
let private check
    (ring: KeyRing)
    (format: EventFormat)
    (event: ReceivedPdu)
    (signature: Signature)
    : SignatureFate * string =
    match ring.TryGetValue(struct (signature.Entity, signature.KeyId)) with
    | false, _ -> SignatureFate.Skipped, "no key"
    | true, known when
        format.Version.Settings.KeyValidity = KeyValidity.Enforced
        && event.OriginServerTs > known.Until
        ->
        SignatureFate.Skipped, "expired"
    | true, known ->
        if Ed25519.Verify(ReadOnlySpan known.Key, event.SignedBytes.Span, ReadOnlySpan signature.Bytes) then
            SignatureFate.Valid, "valid"
        else
            SignatureFate.Invalid, "invalid"

let run (arguments: ParseResults<EventVerifyArguments>) : Ending =
    let event =
        match RoomVersions.find (arguments.GetResult EventVerifyArguments.Room_Version) with
        | Error ending -> Error ending
        | Ok version ->
            let format = EventFormat version

            EventTexts.read (arguments.TryGetResult EventVerifyArguments.File)
            |> Result.bind (fun text ->
                EventTexts.event format text
                |> Result.bind (fun event ->
                    PduFormat.ofJson format event
                    |> Result.mapError (EventTexts.misfit text.Name)
                    |> Result.map (fun received -> format, received)))

    match event, ringOf arguments with
    | Error ending, _
    | _, Error ending -> ending
    | Ok(format, event), Ok ring ->
        let signatures =
            event.Signatures |> Array.map (fun s -> s, check ring format event s)

        let required = [|
            yield! event.RequiredSigners
            if event.AuthorisingServer <> "" then
                event.AuthorisingServer
        |]

        let holds server =
            signatures
            |> Array.filter (fun (s, _) -> s.Entity = server)
            |> Array.map (fun (_, (fate, _)) -> fate)
            |> SignedJson.holds

        let good = event.HashHolds && Array.forall holds required

        Report.print (arguments.GetResult(EventVerifyArguments.Format, Text)) {
            Facts = [
                "event_id", Word event.EventId
                "content_hash_holds", Truth event.HashHolds
                "good", Truth good
            ]
            Tables = [
                {
                    Name = "servers"
                    Columns = [ "server"; "signed" ]
                    Rows = [
                        for server in Array.distinct required -> [ Word server; Truth(holds server) ]
                    ]
                }
                {
                    Name = "signatures"
                    Columns = [ "server"; "key_id"; "found" ]
                    Rows = [
                        for signature, (_, word) in signatures ->
                            [ Word signature.Entity; Word signature.KeyId; Word word ]
                    ]
                }
            ]
        }

        if good then Done else Finding
