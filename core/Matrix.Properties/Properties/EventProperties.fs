namespace Matrix.Properties.Properties

open System
open System.Text
open FsCheck
open FsCheck.FSharp
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Properties
open Matrix.Properties.Generators
open Matrix.Properties.Reference

/// Hashes, redaction, the format check and the client form of events.
module EventProperties =

    let private same (a: byte[]) (b: byte[]) =
        ReadOnlySpan<byte>(a).SequenceEqual(ReadOnlySpan<byte> b)

    let private canonical (o: JsonObject) = CanonicalJson.bytes (Json.Object o)

    let private samePdu (a: Pdu) (b: Pdu) =
        a.EventId = b.EventId
        && a.RoomId = b.RoomId
        && a.Sender = b.Sender
        && a.Type = b.Type
        && a.StateKey = b.StateKey
        && a.OriginServerTs = b.OriginServerTs
        && a.Depth = b.Depth
        && a.Content = b.Content
        && a.PrevEvents = b.PrevEvents
        && a.AuthEvents = b.AuthEvents
        && a.Redacts = b.Redacts
        && a.Canonical.Span.SequenceEqual b.Canonical.Span

    /// Compiled redaction agrees with the literal table.
    let redactionIsLiteral =
        Property.forAll
            "event.redaction.literal"
            "Compiled redaction keeps exactly the members that the table keeps, read literally."
            EventGen.nearly
            (fun (format, event) -> format.Redactor.Redact event = LiteralEvent.redact format.Version.Redaction event)

    /// Hashes computed piece by piece equal the specification's.
    let hashesAreLiteral =
        Property.forAll
            "event.hashes.literal"
            "The content hash, the reference hash and the bytes to sign equal those computed by the specification's \
             steps."
            EventGen.nearly
            (fun (format, event) ->
                same (PduFormat.contentHash format event) (LiteralEvent.contentHash event)
                && same
                    (PduFormat.referenceHash format event)
                    (LiteralEvent.referenceHash format.Version.Redaction event)
                && same
                    (PduFormat.bytesToSign format event)
                    (SignedJson.bytesToSign (LiteralEvent.redact format.Version.Redaction event)))

    /// Redaction keeps the reference hash.
    let referencesOutliveRedaction =
        Property.forAll
            "event.references-outlive-redaction"
            "The reference hash of a stored event, redacted or not, equals that of the whole event."
            EventGen.signed
            (fun (format, pdu) ->
                let literal =
                    LiteralEvent.referenceHash format.Version.Redaction (EventGen.members pdu)

                same (PduFormat.referenceHashOf format pdu) literal
                && same (PduFormat.referenceHashOf format (PduFormat.redact format pdu)) literal)

    /// Redaction is idempotent and keeps the event's identity.
    let redactingTwice =
        Property.forAll
            "event.redaction.idempotent"
            "Redacting twice equals redacting once, and changes neither the event id nor the signed bytes."
            EventGen.signed
            (fun (format, pdu) ->
                let once = PduFormat.redact format pdu
                let before = EventGen.members pdu
                let after = EventGen.members once

                samePdu once (PduFormat.redact format once)
                && same (PduFormat.referenceHash format before) (PduFormat.referenceHash format after)
                && same (once.Canonical.ToArray()) (canonical (format.Redactor.Redact before)))

    /// Events built here are accepted here.
    let ownEventsAreAccepted =
        Property.forAll
            "event.own-is-accepted"
            "An event that was built, hashed and signed here is read back unchanged, and its content hash is valid."
            EventGen.signed
            (fun (format, pdu) ->
                match PduFormat.ofBytes format pdu.Canonical.Span with
                | Ok received ->
                    received.HashHolds
                    && received.EventId = pdu.EventId
                    && received.Signatures.Length > 0
                    && samePdu received.Pdu pdu
                | Error _ -> false)

    /// Storing and reading back changes nothing.
    let storedIsTheSame =
        Property.forAll
            "event.stored"
            "An event read back from its stored bytes equals the event that was stored, redacted or not."
            EventGen.signed
            (fun (format, pdu) ->
                [ pdu; PduFormat.redact format pdu ]
                |> List.forall (fun pdu ->
                    match PduFormat.ofStored format pdu.EventId (pdu.Canonical.ToArray()) with
                    | Ok stored -> samePdu stored pdu
                    | Error _ -> false))

    /// Tampering is detected.
    let changesShow =
        Property.forAllIf
            "event.changes-show"
            "If an event was changed in transit, its id differs, or its content hash is invalid and it is redacted; \
             no unhashed content is accepted."
            EventGen.nearly
            (fun _ -> Seq.empty)
            (fun (format, event) ->
                match PduFormat.ofJson format event with
                | Error _ -> None
                | Ok received ->
                    let accepted = EventGen.members received.Pdu

                    if received.HashHolds then
                        let shared = event.Members |> Seq.filter (fun (struct (k, _)) -> k <> "unsigned")

                        Some(accepted = JsonObject.OfSeq shared)
                    else
                        Some(
                            accepted = format.Redactor.Redact event
                            && (format.AssignsIds
                                || same
                                    (PduFormat.referenceHash format accepted)
                                    (PduFormat.referenceHash format event))
                        ))

    /// `unsigned` has no effect on an event's identity.
    let unsignedDoesNotCount =
        Property.forAll
            "event.unsigned-does-not-count"
            "The content of `unsigned` changes neither the event id, nor the hashes, nor the stored bytes."
            (Gen.zip EventGen.signed JsonGen.strictObject)
            (fun ((format, pdu), unsigned) ->
                let event =
                    JsonObject.OfSeq(
                        Seq.append (EventGen.members pdu).Members [ struct ("unsigned", Json.Object unsigned) ]
                    )

                match PduFormat.ofJson format event with
                | Ok received -> received.HashHolds && samePdu received.Pdu pdu
                | Error _ -> false)

    /// Strictness is decided by the values, wherever the event was read.
    let strictnessIsTheValues =
        Property.forAll
            "event.strictness"
            "A text is accepted by its version's reader exactly if the lenient reader accepts it and the version's \
             format allows its values."
            EventGen.nearly
            (fun (format, event) ->
                let bytes = canonical event

                match PduFormat.ofBytes format (ReadOnlySpan<byte> bytes), PduFormat.ofJson format event with
                | Ok a, Ok b -> a.EventId = b.EventId && samePdu a.Pdu b.Pdu
                | Error _, Error _ -> true
                | _ -> false)

    /// The client form agrees with the literal one.
    let clientFormIsLiteral =
        Property.forAll
            "event.client-form"
            "The client form that is cut from the stored bytes has the members that the specification lists, with \
             `redacts` in both places."
            EventGen.signed
            (fun (format, pdu) ->
                use out = new ByteBuffer()
                let unsigned = UnsignedParts()
                let form = ClientEvent.FormOf(format, pdu.EventId, pdu.Canonical.Span)
                ClientEvent.Write(out, form, pdu.RoomId, &unsigned)

                match JsonReader.ParseObject(out.Written, Reading.Lenient, JsonLimits.event) with
                | Ok written ->
                    written = LiteralEvent.clientForm format.Version pdu.EventId pdu.RoomId (EventGen.members pdu)
                    && Encoding.UTF8.GetString (ClientEvent.Content pdu.Canonical).Span =
                        CanonicalJson.text (Json.Object pdu.Content)
                | Error _ -> false)

    /// All of these.
    let all = [
        redactionIsLiteral
        hashesAreLiteral
        referencesOutliveRedaction
        redactingTwice
        ownEventsAreAccepted
        storedIsTheSame
        changesShow
        unsignedDoesNotCount
        strictnessIsTheValues
        clientFormIsLiteral
    ]
