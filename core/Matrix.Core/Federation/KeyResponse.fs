namespace Matrix.Core.Federation

open System
open System.Collections.Generic
open System.Runtime.InteropServices
open Matrix.Rules
open Matrix.Core.Event
open Matrix.Core.Ident
open Matrix.Core.Json

/// A signing key that a server publishes.
[<Sealed>]
type PublishedKey(keyId: string, publicKey: byte[], expiredAt: Nullable<int64>) =

    /// `ed25519:…`.
    member _.KeyId = keyId

    /// 32 bytes.
    member _.PublicKey = publicKey

    /// When the server stopped using the key, in milliseconds since the epoch; null while it is in use.
    member _.ExpiredAt = expiredAt

/// A signature to check on a key response.
[<Sealed>]
type KeySignature internal (keyId: string, publicKey: byte[], signature: byte[]) =

    /// The key that must have made it.
    member _.KeyId = keyId

    /// The public key, 32 bytes.
    member _.PublicKey = publicKey

    /// The signature's bytes.
    member _.Signature = signature

/// Why a key response does not count.
[<RequireQualifiedAccess>]
type KeyResponseFault =
    /// `server_name` is not the server whose keys were requested.
    | OtherServer
    /// A required member is missing or of another type.
    | Malformed of path: string
    /// There is no key of a known algorithm.
    | NoKeys
    /// More keys than the bound.
    | TooManyKeys of count: int * limit: int
    /// A key in `verify_keys` did not sign the response.
    | NotSigned of keyId: string

    /// For logs.
    override this.ToString() =
        match this with
        | OtherServer -> "`server_name` is another server"
        | Malformed path -> $"`{path}` is missing or malformed"
        | NoKeys -> "there is no ed25519 key"
        | TooManyKeys(count, limit) -> $"{count} keys where {limit} are allowed"
        | NotSigned keyId -> $"not signed by {keyId}"

module private PublishedKeys =

    let private publicKeyBytes = 32

    let members (o: JsonObject) (name: string) : JsonObject voption =
        match o.TryFind name with
        | ValueSome(Json.Object inner) -> ValueSome inner
        | _ -> ValueNone

    /// Keys of other algorithms, and those without a key id by the grammar, cannot be used and are skipped.
    let usable (keys: JsonObject) : struct (string * Json) seq =
        keys.Members |> Seq.filter (fun (struct (keyId, _)) -> KeyId.isServerKey keyId)

    let publicKey (entry: Json) : byte[] voption =
        match entry with
        | Json.Object o ->
            match o.Text "key" with
            | null -> ValueNone
            | text ->
                match UnpaddedBase64.decode text with
                | NonNull bytes when bytes.Length = publicKeyBytes -> ValueSome bytes
                | _ -> ValueNone
        | _ -> ValueNone

    let expiredAt (entry: Json) : int64 voption =
        match entry with
        | Json.Object o ->
            match o.TryFind "expired_ts" with
            | ValueSome(Json.Int ts) -> ValueSome ts
            | _ -> ValueNone
        | _ -> ValueNone

    /// The keys in use; an error names the first whose public key is malformed.
    let verifyKeys (keys: JsonObject) : Result<PublishedKey[], KeyResponseFault> =
        let read = [|
            for struct (keyId, entry) in usable keys do
                struct (keyId, publicKey entry)
        |]

        match read |> Array.tryFind (fun (struct (_, key)) -> key.IsNone) with
        | Some(struct (keyId, _)) -> Error(KeyResponseFault.Malformed $"verify_keys.{keyId}")
        | None ->
            Ok [|
                for struct (keyId, key) in read do
                    PublishedKey(keyId, key.Value, Nullable())
            |]

    /// The former keys. A malformed one authenticates nothing, and is skipped; so is one that is in use again.
    let oldKeys (inUse: PublishedKey[]) (keys: JsonObject) : PublishedKey[] = [|
        for struct (keyId, entry) in usable keys do
            match publicKey entry, expiredAt entry with
            | ValueSome key, ValueSome ts when inUse |> Array.forall (fun k -> k.KeyId <> keyId) ->
                PublishedKey(keyId, key, Nullable ts)
            | _ -> ()
    |]

    let toJson (keys: IReadOnlyList<PublishedKey>) : Json =
        let entry (key: PublishedKey) =
            let text = UnpaddedBase64.encode (ReadOnlySpan<byte> key.PublicKey)

            JsonObject.OfSeq [|
                struct ("key", Json.String text)
                if key.ExpiredAt.HasValue then
                    struct ("expired_ts", Json.Int key.ExpiredAt.Value)
            |]

        Json.Object(JsonObject.OfSeq(keys |> Seq.map (fun key -> struct (key.KeyId, Json.Object(entry key)))))

/// A server's published keys: the response to `GET /_matrix/key/v2/server`. It counts if it is of the server that was
/// asked, and every key in `verify_keys` signed it. The caller checks the signatures.
/// v1.19 server-server-api#retrieving-server-keys
[<Sealed>]
type KeyResponse
    private
    (
        serverName: string,
        validUntil: int64,
        verifyKeys: PublishedKey[],
        oldKeys: PublishedKey[],
        signatures: KeySignature[],
        bytesToVerify: byte[]
    ) =

    static let none = KeyResponse("", 0L, [||], [||], [||], [||])

    static let longestValidity = int64 Limits.KeyDays * 24L * 60L * 60L * 1000L

    static let signaturesOf (response: JsonObject) (serverName: string) (keys: PublishedKey[]) =
        let made =
            match PublishedKeys.members response "signatures" with
            | ValueSome all -> SignedJson.signaturesOf all serverName
            | ValueNone -> [||]

        let signedBy (key: PublishedKey) =
            made |> Array.tryFind (fun s -> s.KeyId = key.KeyId)

        match keys |> Array.tryFind (fun key -> (signedBy key).IsNone) with
        | Some key -> Error(KeyResponseFault.NotSigned key.KeyId)
        | None ->
            Ok [|
                for key in keys do
                    for signature in Option.toArray (signedBy key) do
                        KeySignature(key.KeyId, key.PublicKey, signature.Bytes)
            |]

    static let read (response: JsonObject) (serverName: string) (maxKeys: int) : Result<KeyResponse, KeyResponseFault> =
        match
            response.Text "server_name", response.TryFind "valid_until_ts", PublishedKeys.members response "verify_keys"
        with
        | null, _, _ -> Error(KeyResponseFault.Malformed "server_name")
        | name, _, _ when not (String.Equals(name, serverName)) -> Error KeyResponseFault.OtherServer
        | _, ValueSome(Json.Int validUntil), ValueSome inUse ->
            let old =
                PublishedKeys.members response "old_verify_keys"
                |> ValueOption.defaultValue JsonObject.Empty

            if inUse.Count + old.Count > maxKeys then
                Error(KeyResponseFault.TooManyKeys(inUse.Count + old.Count, maxKeys))
            else
                PublishedKeys.verifyKeys inUse
                |> Result.bind (fun verifyKeys ->
                    if verifyKeys.Length = 0 then
                        Error KeyResponseFault.NoKeys
                    else
                        signaturesOf response serverName verifyKeys
                        |> Result.map (fun signatures ->
                            KeyResponse(
                                serverName,
                                validUntil,
                                verifyKeys,
                                PublishedKeys.oldKeys verifyKeys old,
                                signatures,
                                SignedJson.bytesToSign response
                            )))
        | _, _, ValueNone -> Error(KeyResponseFault.Malformed "verify_keys")
        | _ -> Error(KeyResponseFault.Malformed "valid_until_ts")

    /// The server.
    member _.ServerName = serverName

    /// The keys in use.
    member _.VerifyKeys: IReadOnlyList<PublishedKey> = verifyKeys

    /// The former keys. They verify events only.
    member _.OldVerifyKeys: IReadOnlyList<PublishedKey> = oldKeys

    /// A signature by each key in use. All must be valid, or nothing of the response counts.
    member _.Signatures: IReadOnlyList<KeySignature> = signatures

    /// The signed bytes.
    member _.BytesToVerify = bytesToVerify

    /// Until when the keys in use are valid if they were fetched at this time: `valid_until_ts`, and seven days at the
    /// most. All in milliseconds since the epoch.
    member _.ValidUntil(fetchedAt: int64) : int64 =
        min validUntil (fetchedAt + longestValidity)

    /// The longest time for which a fetched key is valid, in milliseconds.
    static member LongestValidity = longestValidity

    /// Reads a response with at most `maxKeys` keys. Unknown members, such as `tls_fingerprints` of old servers, do no
    /// harm. If false, `fault` says why it does not count.
    static member TryRead
        (
            response: JsonObject,
            serverName: string,
            maxKeys: int,
            [<Out>] keys: byref<KeyResponse>,
            [<Out>] fault: byref<KeyResponseFault>
        ) : bool =
        match read response serverName maxKeys with
        | Ok read ->
            keys <- read
            true
        | Error f ->
            keys <- none
            fault <- f
            false

    /// This server's response, to be signed.
    static member Compose
        (
            serverName: string,
            validUntil: int64,
            verifyKeys: IReadOnlyList<PublishedKey>,
            oldVerifyKeys: IReadOnlyList<PublishedKey>
        ) : JsonObject =
        JsonObject.OfSeq [|
            struct ("server_name", Json.String serverName)
            struct ("valid_until_ts", Json.Int validUntil)
            struct ("verify_keys", PublishedKeys.toJson verifyKeys)
            struct ("old_verify_keys", PublishedKeys.toJson oldVerifyKeys)
        |]

    /// The bytes that sign a response, this server's or another's.
    static member BytesToSign(response: JsonObject) : byte[] = SignedJson.bytesToSign response

    /// The response with one more signature.
    static member WithSignature
        (response: JsonObject, serverName: string, keyId: string, signature: ReadOnlySpan<byte>)
        : JsonObject =
        SignedJson.withSignature response serverName keyId signature
