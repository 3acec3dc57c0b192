import Testing

@testable import Attestation
@testable import GridModel
@testable import ImageFormat

/// Package URLs and licences, as SPDX documents and provenance name them.
@Suite struct AttestationNameTests {
    @Test func packageURLsAreCanonical() {
        func url(
            _ type: InstalledPackage.Kind, _ name: String, _ version: String, _ architecture: String? = nil,
            of distribution: String = "debian"
        ) -> String {
            let package = AttestationFixture.installed(type, name, version, architecture)
            return PackageURL(package, distribution: distribution).description
        }
        // Two examples of purl-spec's types/deb-definition.json.
        #expect(url(.deb, "attr", "1:2.4.47-2+b1", "amd64") == "pkg:deb/debian/attr@1:2.4.47-2%2Bb1?arch=amd64")
        #expect(url(.deb, "dpkg", "1.19.0.4", "amd64", of: "ubuntu") == "pkg:deb/ubuntu/dpkg@1.19.0.4?arch=amd64")
        #expect(url(.deb, "g++", "4:12~rc1", "amd64") == "pkg:deb/debian/g%2B%2B@4:12~rc1?arch=amd64")
        // An epoch is no part of an rpm's version, and its name has a case.
        #expect(
            url(.rpm, "perl-PathTools", "0:3.78-461.el9", "x86_64", of: "almalinux")
                == "pkg:rpm/almalinux/perl-PathTools@3.78-461.el9?arch=x86_64&epoch=0")
        #expect(url(.rpm, "bash", "5.1.8-9.el9", of: "almalinux") == "pkg:rpm/almalinux/bash@5.1.8-9.el9")
        #expect(url(.apk, "musl", "1.2.5-r0", "x86_64", of: "alpine") == "pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64")
        #expect(url(.pypi, "Zope.Interface_x", "5.0+cpu") == "pkg:pypi/zope-interface-x@5.0%2Bcpu")
        #expect(url(.deb, "a/b@c?d#e %", "1&2=3") == "pkg:deb/debian/a%2Fb%40c%3Fd%23e%20%25@1%262%3D3")
    }

    @Test func aLockedFileHasTheURLOfWhatItInstalls() {
        let lock = AttestationFixture.lock()
        let deb = lock.layers[0].packages[1]
        #expect(PackageURL(deb) == PackageURL(AttestationFixture.packages[1], distribution: "debian"))
        let wheel = lock.layers[1].wheels[0]
        #expect(PackageURL(wheel) == PackageURL(AttestationFixture.packages[5], distribution: "debian"))
        #expect(
            PackageURL(file: wheel).description
                == "pkg:pypi/pythia8@8.317.2?file_name=pythia8-8.317.2-cp311-cp311-manylinux_2_28_x86_64.whl")
    }

    @Test(
        arguments: [
            ("MIT", "MIT"), ("mit", "MIT"), ("GPL-2.0+", "GPL-2.0+"), ("(mit)", "(MIT)"),
            ("Apache-2.0 WITH LLVM-exception", "Apache-2.0 WITH LLVM-exception"),
            ("MIT  AND(BSD-2-Clause OR zlib )", "MIT AND (BSD-2-Clause OR Zlib)"),
            ("gpl-2.0-only with-x", nil), ("MIT and BSD-3-Clause", nil), ("MIT WITH MIT", nil), ("LLVM-exception", nil),
            ("Apache-2.0+", nil), ("LicenseRef-own", nil), ("NONE", nil), ("NOASSERTION", nil), ("GPLv2+", nil),
            ("MIT AND", nil), ("AND MIT", nil), ("MIT BSD-3-Clause", nil), ("(MIT", nil), ("MIT)", nil), ("()", nil),
            ("", nil), (" ", nil), ("MIT\nAND Zlib", nil), ("GPL-2.0-with-classpath-exception", nil),
        ] as [(String, String?)])
    func onlyExpressionsOfTheListAreLicences(text: String, expression: String?) {
        #expect(LicenceExpression(text)?.description == expression)
    }

    @Test func parenthesesHaveABound() {
        func nested(_ depth: Int) -> String {
            String(repeating: "(", count: depth) + "MIT" + String(repeating: ")", count: depth)
        }
        #expect(LicenceExpression(nested(16)) != nil)
        #expect(LicenceExpression(nested(17)) == nil)
        #expect(LicenceExpression(nested(100_000)) == nil)
    }
}
