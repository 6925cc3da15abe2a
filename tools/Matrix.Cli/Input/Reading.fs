/// Reads files and standard input up to a bound. Errors name the file.
module internal Matrix.Cli.Input.Reading

open System
open System.IO
open Matrix.Cli.Output

/// The bound: a thousand rooms would fit.
let mostBytes = 256 * 1024 * 1024

/// The content of a stream, or None if it is longer than `most`. A device or a pipe reports no length.
let private upTo (most: int) (input: Stream) : byte[] option =
    use bytes = new MemoryStream()
    let buffer: byte[] = Array.zeroCreate 65_536
    let mutable read = input.Read(buffer, 0, buffer.Length)

    while read > 0 && bytes.Length <= int64 most do
        bytes.Write(buffer, 0, read)
        read <- input.Read(buffer, 0, buffer.Length)

    if bytes.Length > int64 most then
        None
    else
        Some(bytes.ToArray())

let private read (name: string) (opened: unit -> Stream) : Result<byte[], Ending> =
    try
        use input = opened ()

        match upTo mostBytes input with
        | Some bytes -> Ok bytes
        | None -> Error(Misused $"{name}: expected at most {mostBytes / 1024 / 1024} MiB")
    with
    | :? UnauthorizedAccessException
    | :? IOException -> Error(Misused $"{name}: expected a file that can be read")

/// The content of a file.
let file (name: string) : Result<byte[], Ending> =
    if Directory.Exists name then
        Error(Misused $"{name}: this is a folder: expected a file")
    elif not (File.Exists name) then
        Error(Misused $"{name}: there is no such file")
    else
        read name (fun () -> File.OpenRead name)

/// The content of standard input.
let standardInput () : Result<byte[], Ending> =
    read "standard input" Console.OpenStandardInput

/// The full path of a file or folder to write.
let path (name: string) : Result<string, Ending> =
    if name = "" then
        Error(Misused "expected the name of a file or folder: this one is empty")
    else
        Ok(Path.GetFullPath name)

/// Creates a folder to write files to, if it does not exist.
let folderFor (name: string) : Result<string, Ending> =
    path name
    |> Result.bind (fun folder ->
        if File.Exists folder then
            Error(Misused $"{folder}: expected a folder, found a file")
        else
            try
                Directory.CreateDirectory folder |> ignore
                Ok folder
            with
            | :? UnauthorizedAccessException
            | :? IOException -> Error(Misused $"{folder}: expected a folder that can be created"))

/// Why a file cannot be written, before any work is done for it.
let unwritable (name: string) : Ending option =
    match path name with
    | Error ending -> Some ending
    | Ok file ->
        if Directory.Exists file then
            Some(Misused $"{name}: this is a folder: expected a file")
        elif Path.GetDirectoryName file |> Option.ofObj |> Option.exists Directory.Exists then
            None
        else
            Some(Misused $"{name}: there is no such folder")
