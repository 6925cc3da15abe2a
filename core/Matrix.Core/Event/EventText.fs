namespace Matrix.Core.Event

open System
open System.Security.Cryptography
open Matrix.Core.Json

/// An event's members in canonical spelling, each written once: hashes, the bytes to sign and the stored form are put together
/// from them. Server-Server API, "Signing Events".
[<Sealed>]
type internal EventText(event: JsonObject, redactor: Redactor) =

    let members = new ByteBuffer(2048)

    let starts =
        let starts = Array.zeroCreate<int>(event.Count + 1)

        for i in 0 .. event.Count - 1 do
            starts[i] <- members.Length
            CanonicalJson.writeString members (event.Key i)
            members.Byte ':'B
            CanonicalJson.write members (event.Value i)

        starts[event.Count] <- members.Length
        starts

    let eventType =
        match event.TryFind "type" with
        | ValueSome(Json.String t) -> t
        | _ -> ""

    let writeMember (out: ByteBuffer) (i: int) =
        out.Raw(members.Written.Slice(starts[i], starts[i + 1] - starts[i]))

    let writeContent (out: ByteBuffer) (content: JsonObject) =
        if redactor.KeepsContentOf eventType then
            false
        else
            out.Bytes Spelling.contentMember
            CanonicalJson.writeObject out (redactor.Content(eventType, content))
            true

    // The buffer is a fresh one: it holds more than the brace as soon as a member was written.
    let separate (out: ByteBuffer) =
        if out.Length > 1 then
            out.Byte ','B

    /// Writes the members that `takes` names, and `hashes` (a whole member, if it is not empty) in its place among them.
    let assemble (out: ByteBuffer) (takes: string -> bool) (redact: bool) (hashes: byte[]) =
        out.Byte '{'B
        let mutable hashesDue = hashes.Length > 0

        for i in 0 .. event.Count do
            let key = if i < event.Count then event.Key i else ""

            if hashesDue && (i = event.Count || JsonObject.CompareKeys("hashes", key) < 0) then
                separate out
                out.Bytes hashes
                hashesDue <- false

            if i < event.Count && takes key then
                separate out

                match event.Value i with
                | Json.Object content when redact && key = "content" ->
                    if not (writeContent out content) then
                        writeMember out i
                | _ -> writeMember out i

        out.Byte '}'B

    static let isLocal (key: string) = key = "unsigned"

    /// The content hash: of everything but `hashes`, `signatures` and `unsigned`.
    member _.ContentHash() : byte[] =
        use out = new ByteBuffer(members.Length + 64)
        assemble out (fun key -> key <> "hashes" && key <> "signatures" && not (isLocal key)) false [||]
        SHA256.HashData out.Written

    /// What is signed, and what the reference hash is of: the redacted event without `signatures` and `unsigned`.
    /// `hashes` is a whole member for an event that has none yet.
    member _.Essential(hashes: byte[]) : byte[] =
        use out = new ByteBuffer(members.Length + 64)
        assemble out (fun key -> redactor.Keeps key && key <> "signatures" && not (isLocal key)) true hashes
        out.ToArray()

    /// What is stored: everything but `unsigned`. `hashes` is a whole member for an event that has none yet.
    member _.Stored(hashes: byte[]) : byte[] =
        use out = new ByteBuffer(members.Length + hashes.Length + 64)
        assemble out (isLocal >> not) false hashes
        out.ToArray()

    /// What is stored of a redacted event.
    member _.StoredRedacted() : byte[] =
        use out = new ByteBuffer(members.Length)
        assemble out (fun key -> redactor.Keeps key && not (isLocal key)) true [||]
        out.ToArray()

    interface IDisposable with
        member _.Dispose() = (members :> IDisposable).Dispose()
