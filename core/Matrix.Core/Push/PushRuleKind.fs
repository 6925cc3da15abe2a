namespace Matrix.Core.Push

open System
open System.Runtime.InteropServices
open Matrix.Core.Json

/// The kinds of push rules, in the order of evaluation. v1.19 client-server-api#push-rules. `PostContent` is of
/// MSC4306, which is not merged: it has rules of the server only.
type PushRuleKind =
    | Override = 0
    | Content = 1
    | PostContent = 2
    | Room = 3
    | Sender = 4
    | Underride = 5

/// The kinds' names in the API.
[<Sealed; AbstractClass>]
type PushRuleKinds private () =

    static let names = [| "override"; "content"; "postcontent"; "room"; "sender"; "underride" |]

    /// All kinds, in the order of evaluation.
    static member All: PushRuleKind[] = names |> Array.mapi (fun i _ -> enum i)

    /// The kind's name in paths and rulesets.
    static member Name(kind: PushRuleKind) : string = names[int kind]

    /// The kind with this name. False if there is none.
    static member TryParse(name: string, [<Out>] kind: byref<PushRuleKind>) : bool =
        let i = Array.IndexOf(names, name)
        kind <- enum (max i 0)
        i >= 0

/// Actions of push rules. v1.19 client-server-api#actions
module internal PushActions =

    let notify = Json.String "notify"

    let tweak (name: string) (value: Json voption) =
        Json.Object(
            JsonObject.OfSeq [
                struct ("set_tweak", Json.String name)

                match value with
                | ValueSome v -> struct ("value", v)
                | ValueNone -> ()
            ]
        )
