namespace Matrix.Cli.Vectors

open System
open System.Threading.Tasks
open Matrix.Properties.Vectors

/// Something that another implementation did not do as it should.
type internal Complaint = {
    /// "" if it is about no vector.
    File: string
    Place: string
    Version: string
    Name: string
    What: string
}

/// What asking another implementation has shown.
type internal Asked = {
    /// As it calls itself; "" if it did not get so far.
    Evaluator: string
    Agreed: int
    /// Of kinds or versions that it does not know.
    Unsupported: int
    Skipped: int
    /// What could not be asked any more.
    NotAsked: int
    Complaints: Complaint list
}

/// Puts vectors to another implementation. `tests/vectors/FORMAT.md`, "Asking another implementation".
module internal External =
    /// After so many lines that are none, nothing more is asked.
    let private mostMalformed = 20

    let private silent (silence: Silence) (patience: TimeSpan) =
        match silence with
        | TooSlow -> $"no answer within {patience.TotalSeconds} seconds"
        | Ended -> "ended before it had answered"
        | TooLong -> $"a line of more than {Protocol.LongestLine} bytes"

    let private complaint what = {
        File = ""
        Place = ""
        Version = ""
        Name = ""
        What = what
    }

    let private about (file: string) (vector: Vector) what = {
        File = file
        Place = vector.Place
        Version = vector.Version
        Name = vector.Name
        What = what
    }

    let private nothing = {
        Evaluator = ""
        Agreed = 0
        Unsupported = 0
        Skipped = 0
        NotAsked = 0
        Complaints = []
    }

    let private ask (pipe: Pipe) (patience: TimeSpan) (questions: (string * string * Vector) list) (asked: Asked) : Task<Asked> =
        task {
            let mutable result = asked
            let mutable rest = questions
            let mutable malformed = 0
            let mutable id = 0L

            let complain file vector what =
                result <- {
                    result with
                        Complaints = about file vector what :: result.Complaints
                }

            while not rest.IsEmpty do
                let file, kind, vector = rest.Head
                rest <- rest.Tail
                id <- id + 1L

                match! pipe.AskAsync(Protocol.ask id kind vector.Question) with
                | Error silence ->
                    complain file vector (silent silence patience)
                    result <- { result with NotAsked = rest.Length }
                    rest <- []
                | Ok line ->
                    match Protocol.readReply id line with
                    | Reply.Answered answer ->
                        match Vectors.differences kind false vector answer with
                        | [] ->
                            result <- {
                                result with
                                    Agreed = result.Agreed + 1
                            }
                        | differences -> differences |> List.map string |> String.concat "; " |> complain file vector
                    | Reply.Skipped _ ->
                        result <- {
                            result with
                                Skipped = result.Skipped + 1
                        }
                    | Reply.Failed why -> complain file vector $"it failed: {why}"
                    | Reply.Malformed why ->
                        complain file vector $"no reply: {why}"
                        malformed <- malformed + 1

                        if malformed = mostMalformed then
                            result <- { result with NotAsked = rest.Length }
                            rest <- []

            return result
        }

    /// Asks a command all questions of these files.
    let run (command: string) (patience: TimeSpan) (files: (string * VectorFile) list) : Task<Asked> =
        task {
            let questions = [
                for name, file in files do
                    for vector in file.Vectors -> name, file.Kind, vector
            ]

            let kinds = files |> List.map (fun (_, f) -> f.Kind) |> List.distinct

            let versions =
                questions
                |> List.map (fun (_, _, v) -> v.Version)
                |> List.filter (fun v -> v <> "")
                |> List.distinct

            use pipe = new Pipe(command, patience, Protocol.LongestLine)

            match! pipe.AskAsync(Protocol.hello kinds versions) with
            | Error silence ->
                return {
                    nothing with
                        NotAsked = questions.Length
                        Complaints = [ complaint $"asked who it is: {silent silence patience}" ]
                }
            | Ok line ->
                match Protocol.readIntroduction line with
                | Error fault ->
                    return {
                        nothing with
                            NotAsked = questions.Length
                            Complaints = [ complaint $"asked who it is: {fault}" ]
                    }
                | Ok who ->
                    let can (_, kind, vector: Vector) =
                        List.contains kind who.Kinds
                        && (vector.Version = "" || List.contains vector.Version who.Versions)

                    let able, unable = questions |> List.partition can

                    let! asked =
                        ask pipe patience able {
                            nothing with
                                Evaluator = who.Name
                                Unsupported = unable.Length
                        }

                    let! ended =
                        if asked.NotAsked > 0 then
                            Task.FromResult true
                        else
                            pipe.EndAsync()

                    let complaints =
                        if ended then
                            asked.Complaints
                        else
                            complaint "it did not end when there was nothing more to ask"
                            :: asked.Complaints

                    return {
                        asked with
                            Complaints = List.rev complaints
                    }
        }
