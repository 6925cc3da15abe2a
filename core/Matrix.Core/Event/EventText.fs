namespace Matrix.Core.Event

open System
open System.Security.Cryptography
open Matrix.Core.Json

/// A member added to an event while it is built: `hashes` or `signatures`. Several are in the order of their keys.
[<Struct>]
type internal AddedMember = {
    Key: string
    /// Key, colon and value.
    Text: byte[]
}

/// An event's members in canonical spelling, each written once. Hashes, the bytes to sign and the stored form are
/// assembled from them. v1.19 server-server-api#signing-events
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

    // The buffer started empty: once a member is written, it holds more than the brace.
    let separate (out: ByteBuffer) =
        if out.Length > 1 then
            out.Byte ','B

    /// Writes the members that `takes` selects, and the added members in their places.
    let assemble (out: ByteBuffer) (takes: string -> bool) (redact: bool) (added: AddedMember[]) =
        out.Byte '{'B
        let mutable next = 0

        for i in 0 .. event.Count do
            let key = if i < event.Count then event.Key i else ""

            while next < added.Length
                  && (i = event.Count || JsonObject.CompareKeys(added[next].Key, key) < 0) do
                separate out
                out.Bytes added[next].Text
                next <- next + 1

            if i < event.Count && takes key then
                separate out

                match event.Value i with
                | Json.Object content when redact && key = "content" ->
                    if not (writeContent out content) then
                        writeMember out i
                | _ -> writeMember out i

        out.Byte '}'B

    static let isLocal (key: string) = key = "unsigned"

    /// The content hash, over everything but `hashes`, `signatures` and `unsigned`.
    member _.ContentHash() : byte[] =
        use out = new ByteBuffer(members.Length + 64)
        assemble out (fun key -> key <> "hashes" && key <> "signatures" && not (isLocal key)) false [||]
        SHA256.HashData out.Written

    /// Writes the bytes that signatures and the reference hash are over: the redacted event without `signatures` and
    /// `unsigned`.
    member _.WriteEssential(out: ByteBuffer, added: AddedMember[]) : unit =
        assemble out (fun key -> redactor.Keeps key && key <> "signatures" && not (isLocal key)) true added

    /// The same as an array, for an event that has its hashes.
    member this.Essential() : byte[] =
        use out = new ByteBuffer(members.Length + 64)
        this.WriteEssential(out, [||])
        out.ToArray()

    /// The stored form: everything but `unsigned`.
    member _.Stored(added: AddedMember[]) : byte[] =
        use out = new ByteBuffer(members.Length + 512)
        assemble out (fun key -> not (isLocal key)) false added
        out.ToArray()

    /// The stored form of the redacted event.
    member _.StoredRedacted() : byte[] =
        use out = new ByteBuffer(members.Length)
        assemble out (fun key -> redactor.Keeps key && not (isLocal key)) true [||]
        out.ToArray()

    interface IDisposable with
        member _.Dispose() = (members :> IDisposable).Dispose()
