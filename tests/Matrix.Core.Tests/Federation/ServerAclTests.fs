/// Access control lists of servers.
module Matrix.Core.Tests.Federation.ServerAclTests

open System
open System.Text
open NUnit.Framework
open Matrix.Core.Federation
open Matrix.Core.Json

let private acl (json: string) =
    match JsonReader.ParseObject(ReadOnlySpan<byte>(Encoding.UTF8.GetBytes json), Reading.Client, JsonLimits.event) with
    | Ok content -> ServerAcl.Of content
    | Error e -> failwith $"{e}"

[<TestCase("evil.com", false)>]
[<TestCase("EVIL.com", false)>]
[<TestCase("evil.com:8448", false)>]
[<TestCase("evil.com:1234", false)>]
[<TestCase("a.evil.com", true)>]
[<TestCase("x1.bad.org", false)>]
[<TestCase("x12.bad.org", true)>]
[<TestCase("bad.org", true)>]
[<TestCase("good.org", true)>]
[<TestCase("1.2.3.4", true)>]
let ``Denied names are denied whatever their port and case`` (name: string, allowed: bool) =
    let acl = acl """{"allow":["*"],"deny":["Evil.com","x?.bad.org"]}"""
    Assert.That(acl.Allows name, Is.EqualTo allowed)

[<TestCase("1.2.3.4")>]
[<TestCase("1.2.3.4:80")>]
[<TestCase("[::1]")>]
[<TestCase("[::1]:8448")>]
let ``Address literals are denied if the list says so`` (name: string) =
    Assert.That((acl """{"allow":["*"],"allow_ip_literals":false}""").Allows name, Is.False)
    Assert.That((acl """{"allow":["*"],"allow_ip_literals":true}""").Allows name, Is.True)
    Assert.That((acl """{"allow":["*"],"allow_ip_literals":"false"}""").Allows name, Is.True, "no boolean")
    Assert.That((acl """{"allow":["*"]}""").Allows name, Is.True)

[<Test>]
let ``Names are not address literals`` () =
    let acl = acl """{"allow":["*"],"allow_ip_literals":false}"""
    Assert.That(acl.Allows "1.2.3.example", Is.True)
    Assert.That(acl.Allows "localhost:8448", Is.True)

[<Test>]
let ``Without an entry in allow everyone is denied`` () =
    Assert.That((acl "{}").Allows "a.org", Is.False)
    Assert.That((acl """{"allow":[]}""").Allows "a.org", Is.False)
    Assert.That((acl """{"allow":"*"}""").Allows "a.org", Is.False)
    Assert.That((acl """{"allow":[1,null,"a.*"]}""").Allows "a.org", Is.True)
    Assert.That((acl """{"allow":["b.org"]}""").Allows "a.org", Is.False)

[<Test>]
let ``Deny comes before allow`` () =
    Assert.That((acl """{"allow":["a.org"],"deny":["*.org"]}""").Allows "a.org", Is.False)

[<Test>]
let ``Without a list everyone is allowed, but what is no server name`` () =
    Assert.That(ServerAcl.Everyone.Allows "1.2.3.4:5", Is.True)
    Assert.That(ServerAcl.Everyone.Allows "a b", Is.False)
    Assert.That(ServerAcl.Everyone.Allows "", Is.False)

[<Test>]
let ``A pattern with a port matches nothing`` () =
    Assert.That((acl """{"allow":["a.org:8448"]}""").Allows "a.org:8448", Is.False)

[<Test>]
let ``The operator's lists match names with or without their port`` () =
    let filter (allow: string list) (deny: string list) =
        ServerFilter(List.toArray allow, List.toArray deny)

    Assert.That((filter [] []).Allows "a.org:1", Is.True)
    Assert.That((filter [] []).Allows "a b", Is.False)
    Assert.That((filter [] [ "A.org" ]).Allows "a.org:1", Is.False)
    Assert.That((filter [] [ "a.org:2" ]).Allows "a.org:1", Is.True)
    Assert.That((filter [] [ "a.org:2" ]).Allows "a.org:2", Is.False)
    Assert.That((filter [] [ "a.org:2" ]).Allows "a.org.:2", Is.False)
    Assert.That((filter [] [ "*.org" ]).Allows "a.org.", Is.False)
    Assert.That((filter [ "127.0.*"; "localhost:8?" ] []).Allows "127.0.1.1:8448", Is.True)
    Assert.That((filter [ "127.0.*"; "localhost:8?" ] []).Allows "localhost:81", Is.True)
    Assert.That((filter [ "127.0.*"; "localhost:8?" ] []).Allows "localhost:91", Is.False)
    Assert.That((filter [ "*" ] [ "*.a.org" ]).Allows "x.a.org", Is.False)
