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

    /// Compiled redaction is the table read literally.
    let redactionIsLiteral =
        Property.forAll
            "event.redaction.literal"
            "Redacting with the prepared table gives what the table says, member by member."
            EventGen.nearly
            (fun (format, event) -> format.Redactor.Redact event = LiteralEvent.redact format.Version.Redaction event)

    /// Hashes put together from pieces are the hashes of the whole.
    let hashesAreLiteral =
        Property.forAll
            "event.hashes.literal"
            "Content hash, reference hash and the bytes to sign are those of the steps that the specification lists."
            EventGen.nearly
            (fun (format, event) ->
                same (PduFormat.contentHash format event) (LiteralEvent.contentHash event)
                && same
                    (PduFormat.referenceHash format event)
                    (LiteralEvent.referenceHash format.Version.Redaction event)
                && same
                    (PduFormat.bytesToSign format event)
                    (SignedJson.bytesToSign (LiteralEvent.redact format.Version.Redaction event)))

    /// The hash that an event is referenced with outlives its redaction.
    let referencesOutliveRedaction =
        Property.forAll
            "event.references-outlive-redaction"
            "The reference hash of a stored event, redacted or not, is that of the whole event."
            EventGen.signed
            (fun (format, pdu) ->
                let literal =
                    LiteralEvent.referenceHash format.Version.Redaction (EventGen.members pdu)

                same (PduFormat.referenceHashOf format pdu) literal
                && same (PduFormat.referenceHashOf format (PduFormat.redact format pdu)) literal)

    /// Redaction is a projection that keeps the event's identity.
    let redactingTwice =
        Property.forAll
            "event.redaction.idempotent"
            "Redacting twice equals redacting once, and changes neither the id nor what is signed."
            EventGen.signed
            (fun (format, pdu) ->
                let once = PduFormat.redact format pdu
                let before = EventGen.members pdu
                let after = EventGen.members once

                samePdu once (PduFormat.redact format once)
                && same (PduFormat.referenceHash format before) (PduFormat.referenceHash format after)
                && same (once.Canonical.ToArray()) (canonical (format.Redactor.Redact before)))

    /// What this server makes, it accepts.
    let ownEventsAreAccepted =
        Property.forAll
            "event.own-is-accepted"
            "An event that was built, hashed and signed here is read back as it was, and its hash holds."
            EventGen.signed
            (fun (format, pdu) ->
                match PduFormat.ofBytes format pdu.Canonical.Span with
                | Ok received ->
                    received.HashHolds
                    && received.EventId = pdu.EventId
                    && received.Signatures.Length > 0
                    && samePdu received.Pdu pdu
                | Error _ -> false)

    /// The store gives back what it was given.
    let storedIsTheSame =
        Property.forAll
            "event.stored"
            "An event read back from its stored bytes is the event that was stored, redacted or not."
            EventGen.signed
            (fun (format, pdu) ->
                [ pdu; PduFormat.redact format pdu ]
                |> List.forall (fun pdu ->
                    match PduFormat.ofStored format pdu.EventId (pdu.Canonical.ToArray()) with
                    | Ok stored -> samePdu stored pdu
                    | Error _ -> false))

    /// A changed event shows.
    let changesShow =
        Property.forAll
            "event.changes-show"
            "Of an event that was changed on its way, either the id changes or the content hash fails and the event counts as redacted; what is accepted is never what was not hashed."
            EventGen.nearly
            (fun (format, event) ->
                match PduFormat.ofJson format event with
                | Error _ -> true
                | Ok received ->
                    let accepted = EventGen.members received.Pdu

                    if received.HashHolds then
                        let shared = event.Members |> Seq.filter (fun (struct (k, _)) -> k <> "unsigned")

                        accepted = JsonObject.OfSeq shared
                    else
                        accepted = format.Redactor.Redact event
                        && (format.AssignsIds
                            || same (PduFormat.referenceHash format accepted) (PduFormat.referenceHash format event)))

    /// `unsigned` and signatures are nobody's business.
    let unsignedDoesNotCount =
        Property.forAll
            "event.unsigned-does-not-count"
            "Whatever stands in `unsigned`, the id, the hashes and the stored bytes are the same."
            (Gen.zip EventGen.signed JsonGen.strictObject)
            (fun ((format, pdu), unsigned) ->
                let event =
                    JsonObject.OfSeq(
                        Seq.append (EventGen.members pdu).Members [ struct ("unsigned", Json.Object unsigned) ]
                    )

                match PduFormat.ofJson format event with
                | Ok received -> received.HashHolds && samePdu received.Pdu pdu
                | Error _ -> false)

    /// Reading in a larger body decides as reading alone does.
    let strictnessIsTheValues =
        Property.forAll
            "event.strictness"
            "A text is accepted in the reading of its version exactly if it is accepted leniently and its version's format takes the values."
            EventGen.nearly
            (fun (format, event) ->
                let bytes = canonical event

                match PduFormat.ofBytes format (ReadOnlySpan<byte> bytes), PduFormat.ofJson format event with
                | Ok a, Ok b -> a.EventId = b.EventId && samePdu a.Pdu b.Pdu
                | Error _, Error _ -> true
                | _ -> false)

    /// The envelope is the literal client form.
    let clientFormIsLiteral =
        Property.forAll
            "event.client-form"
            "The client form that is cut from stored bytes has the members that the specification lists, with `redacts` in both places."
            EventGen.signed
            (fun (format, pdu) ->
                use out = new ByteBuffer()
                let unsigned = UnsignedParts()
                ClientEvent.Write(out, format, pdu.EventId, pdu.RoomId, pdu.Canonical.Span, &unsigned)

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
