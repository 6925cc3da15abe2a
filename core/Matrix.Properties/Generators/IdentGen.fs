namespace Matrix.Properties.Generators

open FsCheck
open FsCheck.FSharp

/// Identifiers that are valid or nearly valid.
[<RequireQualifiedAccess>]
module IdentGen =

    let private text (chars: string list) (least: int) (most: int) =
        Gen.choose (least, most)
        |> Gen.bind (fun n -> Gen.listOfLength n (Gen.elements chars))
        |> Gen.map (String.concat "")

    let private port =
        Gen.frequency [ 2, Gen.constant ""; 1, Gen.choose (0, 99999) |> Gen.map (fun p -> $":{p}") ]

    let private dns =
        text [ "a"; "b"; "z"; "0"; "9" ] 1 8
        |> Gen.nonEmptyListOf
        |> Gen.map (List.truncate 4 >> String.concat ".")

    let private ipv4 =
        Gen.listOfLength 4 (Gen.choose (0, 255))
        |> Gen.map (List.map string >> String.concat ".")

    let private ipv6 =
        gen {
            let! left = Gen.choose (0, 7)
            let! right = Gen.choose (0, 7 - left)
            let group = text [ "0"; "1"; "a"; "F" ] 1 4
            let! l = Gen.listOfLength left group
            let! r = Gen.listOfLength right group
            let! full = Gen.listOfLength 8 group
            let! compressed = Gen.elements [ true; true; false ]

            return
                if compressed then
                    "[" + String.concat ":" l + "::" + String.concat ":" r + "]"
                else
                    "[" + String.concat ":" full + "]"
        }

    /// Server names of every kind, with and without a port.
    let serverName: Gen<string> =
        Gen.frequency [ 4, dns; 1, ipv4; 1, ipv6 ]
        |> Gen.bind (fun host -> Gen.map (fun p -> host + p) port)

    /// Localparts of the grammar for new users.
    let localpart: Gen<string> =
        text [ "a"; "k"; "z"; "0"; "9"; "."; "_"; "="; "-"; "/"; "+" ] 1 20

    /// User ids by today's grammar.
    let userId: Gen<string> = Gen.map2 (fun l s -> $"@{l}:{s}") localpart serverName

    /// User ids of the historical grammar.
    let historicalUserId: Gen<string> =
        Gen.map2 (fun l s -> $"@{l}:{s}") (text [ "A"; "é"; "😀"; " "; "\001"; "!"; "#"; "x" ] 0 12) serverName

    /// Event ids and room ids that are hashes.
    let hash (sigil: char) : Gen<string> =
        Gen.arrayOfLength 4 (Gen.choose64 (System.Int64.MinValue, System.Int64.MaxValue))
        |> Gen.map (fun words ->
            let bytes = words |> Array.collect System.BitConverter.GetBytes

            string sigil
            + System.Buffers.Text.Base64Url.EncodeToString(System.ReadOnlySpan<byte> bytes))

    /// One character changed, dropped or doubled.
    let nearly (valid: Gen<string>) : Gen<string> =
        gen {
            let! s = valid
            let! at = Gen.choose (0, max 0 (s.Length - 1))
            let! odd = Gen.elements [ ':'; '\000'; '['; ']'; '@'; '.'; '_'; '\uD800'; 'A'; '☃' ]
            let! how = Gen.choose (0, 2)

            return
                if s = "" then
                    s
                else
                    match how with
                    | 0 -> s.Substring(0, at) + string odd + s.Substring(at + 1)
                    | 1 -> s.Remove(at, 1)
                    | _ -> s.Insert(at, string s[at])
        }
