/// Access control lists of servers.
module Matrix.Core.Tests.Federation.ServerAclTests

open System
open System.Text
open Expecto
open Matrix.Testing
open Matrix.Core.Federation
open Matrix.Core.Json

let private acl (json: string) =
    match JsonReader.ParseObject(ReadOnlySpan<byte>(Encoding.UTF8.GetBytes json), Reading.Client, JsonLimits.event) with
    | Ok content -> ServerAcl.Of content
    | Error e -> failwith $"{e}"

let tests =
    testList "Federation.ServerAclTests" [
        testTheory "Denied names are denied whatever their port and case" [
            "evil.com", false
            "EVIL.com", false
            "evil.com:8448", false
            "evil.com:1234", false
            "a.evil.com", true
            "x1.bad.org", false
            "x12.bad.org", true
            "bad.org", true
            "good.org", true
            "1.2.3.4", true
        ]
        <| fun (name, allowed) ->
            let acl = acl """{"allow":["*"],"deny":["Evil.com","x?.bad.org"]}"""
            Expect.equal (acl.Allows name) allowed "allows"

        testTheory "Address literals are denied if the list says so" [ "1.2.3.4"; "1.2.3.4:80"; "[::1]"; "[::1]:8448" ]
        <| fun name ->
            Expect.isFalse ((acl """{"allow":["*"],"allow_ip_literals":false}""").Allows name) "allows"
            Expect.isTrue ((acl """{"allow":["*"],"allow_ip_literals":true}""").Allows name) "allows"
            Expect.isTrue ((acl """{"allow":["*"],"allow_ip_literals":"false"}""").Allows name) "no boolean"
            Expect.isTrue ((acl """{"allow":["*"]}""").Allows name) "allows"

        test "Names are not address literals" {
            let acl = acl """{"allow":["*"],"allow_ip_literals":false}"""
            Expect.isTrue (acl.Allows "1.2.3.example") "allows"
            Expect.isTrue (acl.Allows "localhost:8448") "allows"
        }

        test "Without an entry in allow everyone is denied" {
            Expect.isFalse ((acl "{}").Allows "a.org") "allows"
            Expect.isFalse ((acl """{"allow":[]}""").Allows "a.org") "allows"
            Expect.isFalse ((acl """{"allow":"*"}""").Allows "a.org") "allows"
            Expect.isTrue ((acl """{"allow":[1,null,"a.*"]}""").Allows "a.org") "allows"
            Expect.isFalse ((acl """{"allow":["b.org"]}""").Allows "a.org") "allows"
        }

        test "Deny comes before allow" {
            Expect.isFalse ((acl """{"allow":["a.org"],"deny":["*.org"]}""").Allows "a.org") "allows"
        }

        test "Without a list everyone is allowed, but what is no server name" {
            Expect.isTrue (ServerAcl.Everyone.Allows "1.2.3.4:5") "allows"
            Expect.isFalse (ServerAcl.Everyone.Allows "a b") "allows"
            Expect.isFalse (ServerAcl.Everyone.Allows "") "allows"
        }

        test "A pattern with a port matches nothing" {
            Expect.isFalse ((acl """{"allow":["a.org:8448"]}""").Allows "a.org:8448") "allows"
        }

        test "The operator's lists match names with or without their port" {
            let filter (allow: string list) (deny: string list) =
                ServerFilter(List.toArray allow, List.toArray deny)

            Expect.isTrue ((filter [] []).Allows "a.org:1") "allows"
            Expect.isFalse ((filter [] []).Allows "a b") "allows"
            Expect.isFalse ((filter [] [ "A.org" ]).Allows "a.org:1") "allows"
            Expect.isTrue ((filter [] [ "a.org:2" ]).Allows "a.org:1") "allows"
            Expect.isFalse ((filter [] [ "a.org:2" ]).Allows "a.org:2") "allows"
            Expect.isFalse ((filter [] [ "a.org:2" ]).Allows "a.org.:2") "allows"
            Expect.isFalse ((filter [] [ "*.org" ]).Allows "a.org.") "allows"
            Expect.isTrue ((filter [ "127.0.*"; "localhost:8?" ] []).Allows "127.0.1.1:8448") "allows"
            Expect.isTrue ((filter [ "127.0.*"; "localhost:8?" ] []).Allows "localhost:81") "allows"
            Expect.isFalse ((filter [ "127.0.*"; "localhost:8?" ] []).Allows "localhost:91") "allows"
            Expect.isFalse ((filter [ "*" ] [ "*.a.org" ]).Allows "x.a.org") "allows"
        }
    ]
