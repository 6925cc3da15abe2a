module Matrix.Core.Tests.IdentTests

open System
open Expecto
open Matrix.Testing
open Matrix.Core.Ident

let tests =
    testList "IdentTests" [
        test "An identifier may not have a lone surrogate" {
            let half = String([| '@'; 'a'; '\uD800'; ':'; 'd' |])
            Expect.equal (UserId.check half) (Error(IdentError.LoneSurrogate 2)) $"{UserId.check half}"
            Expect.isFalse (RoomAlias.isValid (half.Replace('@', '#'))) "is valid"
        }

        test "A server name splits into host, port and kind" {
            let parts s =
                match ServerName.parts s with
                | Ok p -> p
                | Error e -> failwith $"{e}"

            Expect.equal (parts "[::1]:8448") (struct ("[::1]", 8448, HostKind.IPv6)) "parts"
            Expect.equal (parts "1.2.3.4") (struct ("1.2.3.4", 0, HostKind.IPv4)) "parts"
            Expect.equal (parts "matrix.org:443") (struct ("matrix.org", 443, HostKind.Dns)) "parts"
        }

        test "The server of an identifier is everything after the first colon" {
            Expect.isTrue (Ident.isOn "domain:80" "@a:domain:80") "is on"
            Expect.isFalse (Ident.isOn "domain" "@a:domain:80") "is on"
            Expect.isFalse (Ident.isOn "DOMAIN" "@a:domain") "is on"
            Expect.isFalse (Ident.isOn "" "!hash") "is on"
        }

        test "Only compliant user ids are shown to clients outside of events" {
            Expect.isTrue (UserId.isCompliant "@A!~:domain") "is compliant"
            Expect.isFalse (UserId.isCompliant "@a b:domain") "is compliant"
            Expect.isFalse (UserId.isCompliant "@:domain") "is compliant"
            Expect.isFalse (UserId.isCompliant "@é:domain") "is compliant"
        }

        test "The room id of version 12 is the create event's id with another sigil" {
            let event = "$Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg"
            Expect.equal (RoomId.ofCreateEvent event) "!Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg" "of create event"
            Expect.equal (RoomId.createEvent "!Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg") event "create event"
            Expect.equal (RoomId.createEvent "!abc:domain") "" "create event"
        }
    ]
