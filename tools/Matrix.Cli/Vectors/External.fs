namespace Matrix.Cli.Vectors

open System
open System.Threading.Tasks
open Matrix.Properties.Vectors

/// A wrong or missing answer of another implementation.
type internal Complaint = {
    /// "" if it concerns no vector.
    File: string
    Place: string
    Version: string
    Name: string
    What: string
}

/// The result of a vector.
[<RequireQualifiedAccess>]
type internal Fate =
    | Agreed
    | Differed
    /// The answer differs where the specification leaves it to implementations.
    | Optional
    /// The implementation skipped it, for this reason.
    | Skipped of why: string
    /// The implementation does not know the kind.
    | KindUnknown
    /// The implementation does not know the room version.
    | VersionUnknown
    /// The run ended before this vector.
    | NotAsked

/// The results of another implementation.
type internal Asked = {
    /// The implementation's name; "" if it did not give one.
    Evaluator: string
    /// Every vector's kind, version and result.
    Fates: (string * string * Fate) list
    Complaints: Complaint list
    /// Answers that differ where they may.
    Differing: Complaint list
} with

    /// The number of vectors with such a result.
    member this.Count(isSo: Fate -> bool) =
        this.Fates |> List.filter (fun (_, _, fate) -> isSo fate) |> List.length

/// Puts vectors to another implementation. `tests/vectors/FORMAT.md`, "Asking another implementation".
module internal External =
    /// After this many malformed replies the run ends.
    let private mostMalformed = 20

    let private silent (silence: Silence) (patience: TimeSpan) =
        match silence with
        | TooSlow -> $"no answer within {patience.TotalSeconds} seconds"
        | Ended -> "ended before it answered"
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

    let private ask
        (pipe: Pipe)
        (patience: TimeSpan)
        (can: string * string * Vector -> Fate option)
        (questions: (string * string * Vector) list)
        (evaluator: string)
        : Task<Asked> =
        task {
            let fates = ResizeArray<string * string * Fate>()
            let complaints = ResizeArray<Complaint>()
            let differing = ResizeArray<Complaint>()
            let mutable isOver = false
            let mutable malformed = 0
            let mutable id = 0L

            for file, kind, vector in questions do
                let fated fate = fates.Add(kind, vector.Version, fate)

                let complain what =
                    complaints.Add(about file vector what)
                    fated Fate.Differed

                match can (file, kind, vector) with
                | Some unable -> fated unable
                | None when isOver -> fated Fate.NotAsked
                | None ->
                    id <- id + 1L

                    match! pipe.AskAsync(Protocol.ask id kind vector.Question) with
                    | Error silence ->
                        complain (silent silence patience)
                        isOver <- true
                    | Ok line ->
                        match Protocol.readReply id line with
                        | Reply.Answered answer ->
                            match Vectors.differences kind false vector answer with
                            | [] -> fated Fate.Agreed
                            | differences ->
                                let what = differences |> List.map string |> String.concat "; "

                                if vector.Optional = "" then
                                    complain what
                                else
                                    differing.Add(about file vector $"{what} ({vector.Optional})")
                                    fated Fate.Optional
                        | Reply.Skipped why -> fated (Fate.Skipped why)
                        | Reply.Failed why -> complain $"error: {why}"
                        | Reply.Malformed why ->
                            complain $"malformed reply: {why}"
                            malformed <- malformed + 1
                            isOver <- (malformed = mostMalformed)

            return {
                Evaluator = evaluator
                Fates = List.ofSeq fates
                Complaints = List.ofSeq complaints
                Differing = List.ofSeq differing
            }
        }

    /// Sends all questions of the files to a command.
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

            let unasked why = {
                Evaluator = ""
                Fates = [ for _, kind, vector in questions -> kind, vector.Version, Fate.NotAsked ]
                Complaints = [ complaint $"hello: {why}" ]
                Differing = []
            }

            match! pipe.AskAsync(Protocol.hello kinds versions) with
            | Error silence -> return unasked (silent silence patience)
            | Ok line ->
                match Protocol.readIntroduction line with
                | Error fault -> return unasked (string fault)
                | Ok who ->
                    let can (_, kind, vector: Vector) =
                        if not (List.contains kind who.Kinds) then
                            Some Fate.KindUnknown
                        elif vector.Version <> "" && not (List.contains vector.Version who.Versions) then
                            Some Fate.VersionUnknown
                        else
                            None

                    let! asked = ask pipe patience can questions who.Name

                    let! ended =
                        if asked.Count _.IsNotAsked > 0 then
                            Task.FromResult true
                        else
                            pipe.EndAsync()

                    if ended then
                        return asked
                    else
                        return {
                            asked with
                                Complaints = asked.Complaints @ [ complaint "it did not exit at the end of its input" ]
                        }
        }
