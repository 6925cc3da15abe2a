/// The vectors of complete PDUs: the file is what the generator writes, and the vectors detect each wrong step.
module Matrix.Core.Tests.PduVectorTests

open System
open System.IO
open Expecto
open Matrix.Testing
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Properties.Vectors
open Matrix.Properties.Vectors.Generation
open Matrix.Rules

let private ed25519 = VectorTests.ed25519

let private right = PduSteps.right

/// The right steps, except that the format is that of a changed version.
let private withVersion (change: RoomVersion -> RoomVersion) = {
    right with
        Format = change >> EventFormat
}

let private withSettings (change: Settings -> Settings) =
    withVersion (fun v -> { v with Settings = change v.Settings })

let private complete (format: EventFormat) (event: JsonObject) (received: ReceivedPdu) : Pdu =
    let named =
        JsonObject.OfSeq(Seq.append event.Members [ struct ("event_id", Json.String received.EventId) ])

    match PduFormat.ofTrusted format named with
    | Ok pdu -> pdu
    | Error fault -> failwith $"{fault}"

let private fates (server: string) (event: ReceivedEvent) =
    event.Signatures
    |> Array.filter (fun s -> s.Signature.Entity = server)
    |> Array.map _.Fate

let private keysOf (verify: Pdu -> JsonObject -> string[]) = {
    right with
        ThirdPartyKeys = fun _ -> verify
}

let private verified invitation signed =
    right.ThirdPartyKeys ed25519 invitation signed

let private broken: (string * PduSteps * Ed25519) list = [
    "content hashes are not checked", { right with Used = complete }, ed25519
    "every event is redacted",
    {
        right with
            Used = fun format _ received -> PduFormat.redact format received.Pdu
    },
    ed25519
    "signatures are not checked",
    {
        right with
            IsSignedBy = fun _ _ -> true
    },
    ed25519
    "no signature is valid",
    {
        right with
            IsSignedBy = fun _ _ -> false
    },
    ed25519
    "one valid signature is enough",
    {
        right with
            IsSignedBy = fun server event -> Array.contains SignatureFate.Valid (fates server event)
    },
    ed25519
    "signatures by unknown keys count as invalid",
    {
        right with
            IsSignedBy =
                fun server event ->
                    right.IsSignedBy server event
                    && not (Array.contains SignatureFate.Skipped (fates server event))
    },
    ed25519
    "a signature of any server will do",
    {
        right with
            IsSignedBy =
                fun _ event ->
                    event.Signatures
                    |> Array.exists (fun s -> right.IsSignedBy s.Signature.Entity event)
    },
    ed25519
    "the port is no part of a server's name",
    {
        right with
            IsSignedBy = fun server event -> right.IsSignedBy (server.Split(':')[0]) event
    },
    ed25519
    "every signature verifies",
    right,
    {
        ed25519 with
            Verify = fun _ _ _ -> true
    }
    "no signature verifies",
    right,
    {
        ed25519 with
            Verify = fun _ _ _ -> false
    }
    "only the sender's server must sign", withSettings (fun s -> { s with ExtraSigners = [] }), ed25519
    "event ids have the other alphabet",
    withSettings (fun s -> {
        s with
            EventIds =
                if s.EventIds = EventIdForm.UrlSafeHash then
                    EventIdForm.Hash
                else
                    EventIdForm.UrlSafeHash
    }),
    ed25519
    "redaction keeps what version 11 keeps",
    withVersion (fun v -> {
        v with
            Redaction = Versions.v11.Redaction
    }),
    ed25519
    "redaction keeps what version 1 keeps",
    withVersion (fun v -> {
        v with
            Redaction = Versions.v1.Redaction
    }),
    ed25519
    "third-party signatures are not checked", keysOf (fun invitation _ -> ThirdPartyKeys.all invitation), ed25519
    "public_keys are not read",
    keysOf (fun invitation signed ->
        verified invitation signed
        |> Array.filter (fun key -> key = string (ThirdPartyKeys.single invitation))),
    ed25519
    "public_key is not read",
    keysOf (fun invitation signed ->
        verified invitation signed
        |> Array.filter (fun key -> key <> string (ThirdPartyKeys.single invitation))),
    ed25519
    "keys have the standard alphabet only",
    keysOf (fun invitation signed ->
        verified invitation signed
        |> Array.filter (fun key -> key.IndexOfAny [| '-'; '_' |] < 0)),
    ed25519
    "every signature of a third party must be valid",
    keysOf (fun invitation signed ->
        if (SignedJson.signatures signed).Length > 1 then
            [||]
        else
            verified invitation signed),
    ed25519
]

let private undetected (steps: PduSteps) (ed25519: Ed25519) (version: RoomVersion -> bool) =
    (VectorFiles.parse GeneratedVectors.PdusFile).Vectors
    |> List.filter (fun v -> Versions.tryFind v.Version |> Option.exists version)
    |> List.forall (fun vector ->
        match Vectors.answerPduBy steps ed25519 vector.Question with
        | Ok answer -> (Vectors.differences "pdu" false vector answer).IsEmpty
        | Error _ -> false)

let tests =
    testList "PduVectorTests" [
        test "The vectors of complete PDUs are those that are generated" {
            let file =
                File.ReadAllText(Path.Combine(VectorFiles.folder, GeneratedVectors.PdusFile))

            Expect.isTrue (GeneratedVectors.pdus ed25519 = file) "write them anew: mx vectors generate tests/vectors"
        }

        test "Every version has complete PDUs of each verdict" {
            let verdicts (version: RoomVersion) =
                (VectorFiles.parse GeneratedVectors.PdusFile).Vectors
                |> List.filter (fun v -> v.Version = version.Id)
                |> List.map (fun v -> string (v.Expected.Text "verdict"))
                |> List.distinct

            for version in Versions.all do
                Expect.sameElements (verdicts version) [ "accepted"; "rejected"; "dropped" ] version.Id
        }

        test "The right steps answer every complete PDU as the file says" {
            Expect.isTrue (undetected right ed25519 (fun _ -> true)) "undetected"
        }

        testList "Complete PDUs notice a wrong step" [
            for name, steps, ed25519 in broken do
                test name { Expect.isFalse (undetected steps ed25519 (fun _ -> true)) "undetected" }
        ]

        test "Complete PDUs of every version notice a hash or a signature that is not checked" {
            for version in Versions.all do
                let ofVersion = (=) version
                Expect.isFalse (undetected { right with Used = complete } ed25519 ofVersion) version.Id

                Expect.isFalse
                    (undetected
                        right
                        {
                            ed25519 with
                                Verify = fun _ _ _ -> true
                        }
                        ofVersion)
                    version.Id
        }

        test "The public keys of a file are those of its seeds" {
            let file =
                match
                    JsonReader.ParseObject(
                        ReadOnlySpan<byte>(VectorFiles.bytesOf GeneratedVectors.PdusFile),
                        Reading.Client,
                        JsonLimits.federationBody
                    )
                with
                | Ok file -> file
                | Error e -> failwith $"{e}"

            let table (name: string) =
                match file.TryFind name with
                | ValueSome(Json.Object servers) -> [
                    for struct (server, own) in servers.Members do
                        match own with
                        | Json.Object own ->
                            for struct (keyId, key) in own.Members do
                                match key with
                                | Json.String key -> (server, keyId), Convert.FromBase64String(key + "=")
                                | _ -> ()
                        | _ -> ()
                  ]
                | _ -> []

            let seeds = Map(table "seeds")
            Expect.isNonEmpty (table "keys") "table"

            for name, key in table "keys" do
                Expect.equal (ed25519.PublicKey seeds[name]) key $"{name}"
        }
    ]
