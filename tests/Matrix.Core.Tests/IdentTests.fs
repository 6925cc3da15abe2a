module Matrix.Core.Tests.IdentTests

open System
open NUnit.Framework
open Matrix.Core.Ident

[<Test>]
let ``An identifier may not have a lone surrogate`` () =
    let half = String([| '@'; 'a'; '\uD800'; ':'; 'd' |])
    Assert.That((UserId.check half = Error(IdentError.LoneSurrogate 2)), Is.True, $"{UserId.check half}")
    Assert.That(RoomAlias.isValid (half.Replace('@', '#')), Is.False)

[<Test>]
let ``A server name splits into host, port and kind`` () =
    let parts s =
        match ServerName.parts s with
        | Ok p -> p
        | Error e -> failwith $"{e}"

    Assert.That(parts "[::1]:8448", Is.EqualTo(struct ("[::1]", 8448, HostKind.IPv6)))
    Assert.That(parts "1.2.3.4", Is.EqualTo(struct ("1.2.3.4", 0, HostKind.IPv4)))
    Assert.That(parts "matrix.org:443", Is.EqualTo(struct ("matrix.org", 443, HostKind.Dns)))

[<Test>]
let ``The server of an identifier is everything after the first colon`` () =
    Assert.That(Ident.isOn "domain:80" "@a:domain:80", Is.True)
    Assert.That(Ident.isOn "domain" "@a:domain:80", Is.False)
    Assert.That(Ident.isOn "DOMAIN" "@a:domain", Is.False)
    Assert.That(Ident.isOn "" "!hash", Is.False)

[<Test>]
let ``Only compliant user ids are shown to clients outside of events`` () =
    Assert.That(UserId.isCompliant "@A!~:domain", Is.True)
    Assert.That(UserId.isCompliant "@a b:domain", Is.False)
    Assert.That(UserId.isCompliant "@:domain", Is.False)
    Assert.That(UserId.isCompliant "@é:domain", Is.False)

[<Test>]
let ``The room id of version 12 is the create event's id with another sigil`` () =
    let event = "$Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg"
    Assert.That(RoomId.ofCreateEvent event, Is.EqualTo "!Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg")
    Assert.That(RoomId.createEvent "!Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg", Is.EqualTo event)
    Assert.That(RoomId.createEvent "!abc:domain", Is.EqualTo "")
