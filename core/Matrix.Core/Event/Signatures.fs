namespace Matrix.Core.Event

open System
open System.Buffers
open System.Buffers.Text
open System.Text
open Matrix.Core.Json

/// Unpadded base64, standard alphabet. v1.19 appendices#unpadded-base64
[<RequireQualifiedAccess>]
module UnpaddedBase64 =

    /// The text, without padding.
    let encode (bytes: ReadOnlySpan<byte>) : string =
        Convert.ToBase64String(bytes).TrimEnd '='

    /// Writes the text, without padding.
    let write (out: ByteBuffer) (bytes: ReadOnlySpan<byte>) : unit =
        let room = out.Room(Base64.GetMaxEncodedToUtf8Length bytes.Length)
        let mutable read = 0
        let mutable written = 0
        Base64.EncodeToUtf8(bytes, room, &read, &written) |> ignore
        out.Advance(room.Slice(0, written).TrimEnd('='B).Length)

    /// The bytes of a text with or without padding; null if it is not base64.
    let decode (text: string) : byte[] | null =
        let trimmed = text.AsSpan().TrimEnd '='

        if trimmed.Length % 4 = 1 || trimmed.Length > 1_000_000 then
            null
        else
            let padded = Array.create ((trimmed.Length + 3) / 4 * 4) '='
            trimmed.CopyTo(Span<char> padded)
            let bytes = Array.zeroCreate<byte>(padded.Length / 4 * 3)
            let mutable written = 0

            if Convert.TryFromBase64Chars(ReadOnlySpan<char> padded, Span<byte> bytes, &written) then
                Array.sub bytes 0 written
            else
                null

/// A signature of a known algorithm.
[<Struct>]
type Signature = {
    /// The signer: a server name or a user id.
    Entity: string
    /// `ed25519:…`.
    KeyId: string
    /// 64 bytes; empty, and so never valid, if the string was not base64.
    Bytes: byte[]
}

/// The result of verifying a signature.
[<RequireQualifiedAccess>]
type SignatureFate =
    /// The key is known, and made the signature.
    | Valid
    /// The key is known, and did not make the signature.
    | Invalid
    /// The key is unknown or had expired: the signature is ignored.
    | Skipped

/// Signing any JSON object. v1.19 appendices#signing-json
[<RequireQualifiedAccess>]
module SignedJson =

    let private notSigned = [| "signatures"; "unsigned" |]

    /// The bytes to sign: everything but `signatures` and `unsigned`.
    let bytesToSign (o: JsonObject) : byte[] =
        use out = new ByteBuffer()
        CanonicalJson.writeWithout out o notSigned
        out.ToArray()

    let private withMember (o: JsonObject) (key: string) (value: Json) =
        JsonObject.OfSeq(Seq.append o.Members [ struct (key, value) ])

    let private objectAt (o: JsonObject) (key: string) =
        match o.TryFind key with
        | ValueSome(Json.Object inner) -> inner
        | _ -> JsonObject.Empty

    /// The object with one more signature.
    [<CompiledName "WithSignature">]
    let withSignature (o: JsonObject) (entity: string) (keyId: string) (signature: ReadOnlySpan<byte>) : JsonObject =
        let all = objectAt o "signatures"
        let text = UnpaddedBase64.encode signature
        let own = withMember (objectAt all entity) keyId (Json.String text)
        withMember o "signatures" (Json.Object(withMember all entity (Json.Object own)))

    let private isUnderstood (keyId: string) =
        keyId.StartsWith("ed25519:", StringComparison.Ordinal)

    /// One entity's signatures in a `signatures` object, of known algorithms.
    let signaturesOf (signatures: JsonObject) (entity: string) : Signature[] =
        let own = objectAt signatures entity

        [|
            for i in 0 .. own.Count - 1 do
                match own.Value i with
                | Json.String text when isUnderstood (own.Key i) -> {
                    Entity = entity
                    KeyId = own.Key i
                    Bytes =
                        match UnpaddedBase64.decode text with
                        | null -> [||]
                        | bytes -> bytes
                  }
                | _ -> ()
        |]

    /// All signatures of an object, of known algorithms.
    [<CompiledName "Signatures">]
    let signatures (o: JsonObject) : Signature[] =
        let all = objectAt o "signatures"

        [| for i in 0 .. all.Count - 1 -> signaturesOf all (all.Key i) |]
        |> Array.concat

    /// Whether these signatures of one entity count as valid: at least one is valid, and none is invalid.
    /// v1.19 server-server-api#validating-hashes-and-signatures-on-received-events
    let holds (fates: SignatureFate[]) : bool =
        Array.contains SignatureFate.Valid fates
        && not (Array.contains SignatureFate.Invalid fates)

    let private asJson (signatures: Signature[]) : JsonObject =
        let ofEntity (entity: string, own: Signature[]) =
            let texts =
                own
                |> Array.map (fun s ->
                    struct (s.KeyId, Json.String(UnpaddedBase64.encode (ReadOnlySpan<byte> s.Bytes))))

            struct (entity, Json.Object(JsonObject.OfSeq texts))

        signatures
        |> Array.groupBy (fun s -> s.Entity)
        |> Array.map ofEntity
        |> JsonObject.OfSeq

    /// `"signatures":{…}` as a whole member in canonical form.
    let internal signaturesText (signatures: Signature[]) : byte[] =
        use out = new ByteBuffer 256
        out.Bytes Spelling.signaturesMember

        if signatures.Length = 1 then
            // The common case is written without building a tree.
            out.Byte '{'B
            CanonicalJson.writeString out signatures[0].Entity
            out.Byte ':'B
            out.Byte '{'B
            CanonicalJson.writeString out signatures[0].KeyId
            out.Byte ':'B
            out.Byte '"'B
            UnpaddedBase64.write out (ReadOnlySpan<byte> signatures[0].Bytes)
            out.Byte '"'B
            out.Byte '}'B
            out.Byte '}'B
        else
            CanonicalJson.writeObject out (asJson signatures)

        out.ToArray()

    /// `"hashes":{"sha256":…}` as a whole member in canonical form.
    let internal hashesText (contentHash: byte[]) : byte[] =
        use out = new ByteBuffer 128
        out.Bytes Spelling.hashesStart
        UnpaddedBase64.write out (ReadOnlySpan<byte> contentHash)
        out.Byte '"'B
        out.Byte '}'B
        out.ToArray()
