namespace Matrix.Cli.Events

open System
open Argu
open Matrix.Cli.Input
open Matrix.Cli.Output
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Host.Crypto

module internal EventCommand =

    /// Reads an event of a version.
    let private read
        (version: string)
        (file: string option)
        : Result<EventFormat * EventTexts.Text * JsonObject, Ending> =
        match RoomVersions.find version with
        | Error ending -> Error ending
        | Ok version ->
            let format = EventFormat version

            EventTexts.read file
            |> Result.bind (fun text -> EventTexts.event format text |> Result.map (fun event -> format, text, event))

    let private print (event: JsonObject) : Ending =
        printfn "%s" (CanonicalJson.text (Json.Object event))
        Done

    let private printOne
        (arguments: ParseResults<EventFileArguments>)
        (show: EventFormat -> JsonObject -> Ending)
        : Ending =
        match
            read (arguments.GetResult EventFileArguments.Room_Version) (arguments.TryGetResult EventFileArguments.File)
        with
        | Error ending -> ending
        | Ok(format, _, event) -> show format event

    let private base64 (bytes: byte[]) =
        UnpaddedBase64.encode (ReadOnlySpan bytes)

    let private hash (arguments: ParseResults<HashArguments>) : Ending =
        match read (arguments.GetResult HashArguments.Room_Version) (arguments.TryGetResult HashArguments.File) with
        | Error ending -> ending
        | Ok(format, _, event) ->
            Report.print (arguments.GetResult(HashArguments.Format, Text)) {
                Facts = [
                    "content_hash", Word(base64 (PduFormat.contentHash format event))
                    "reference_hash", Word(base64 (PduFormat.referenceHash format event))
                ]
                Tables = []
            }

            Done

    let private idOf (arguments: ParseResults<EventFileArguments>) : Ending =
        match
            read (arguments.GetResult EventFileArguments.Room_Version) (arguments.TryGetResult EventFileArguments.File)
        with
        | Error ending -> ending
        | Ok(format, text, event) ->
            match PduFormat.eventId format event with
            | Ok id ->
                printfn "%s" id
                Done
            | Error fault -> EventTexts.misfit text.Name fault

    let private sign (arguments: ParseResults<SignArguments>) : Ending =
        let file = arguments.GetResult Key

        let key =
            match EventTexts.read (Some file) with
            | Error ending -> Error ending
            | Ok text ->
                let line =
                    (Text.Encoding.UTF8.GetString text.Bytes).Split('\n')
                    |> Array.tryFind (fun line -> line.Trim() <> "" && line[0] <> '#')
                    |> Option.defaultValue ""

                match SigningKeyFile.TryParse(line.Trim()) with
                | true, NonNull key -> Ok key
                | _ -> Error(Misused $"{file}: expected {SigningKeyFile.Expected}")

        let event =
            read (arguments.GetResult SignArguments.Room_Version) (arguments.TryGetResult SignArguments.File)

        match key, event with
        | Error ending, _
        | _, Error ending -> ending
        | Ok key, Ok(format, text, event) ->
            let hashes =
                JsonObject.OfSeq [ struct ("sha256", Json.String(base64 (PduFormat.contentHash format event))) ]

            let hashed =
                JsonObject.OfSeq(Seq.append event.Members [ struct ("hashes", Json.Object hashes) ])

            let signature = key.Key.Sign(ReadOnlySpan(PduFormat.bytesToSign format hashed))

            let signed =
                SignedJson.withSignature hashed (arguments.GetResult Server) key.Id (ReadOnlySpan signature)

            let size = (CanonicalJson.bytes (Json.Object signed)).Length

            if size > EventLimits.MaxBytes then
                EventTexts.misfit text.Name (PduFault.EventTooLarge(size, EventLimits.MaxBytes))
            else
                print signed

    let run (arguments: ParseResults<EventArguments>) : Ending =
        match arguments.GetSubCommand() with
        | Canonical arguments -> printOne arguments (fun _ event -> print event)
        | Hash arguments -> hash arguments
        | Id arguments -> idOf arguments
        | Redact arguments -> printOne arguments (fun format event -> print (format.Redactor.Redact event))
        | Sign arguments -> sign arguments
        | Verify arguments -> Verification.run arguments
