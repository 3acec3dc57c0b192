import Attestation
import GridModel
import ImageFormat
import StrictJSON

extension FuzzTarget {
    static let images = [
        FuzzTarget("oci-manifest", refusals: ImageFormatError.self, StrictJSONError.self) { bytes in
            let manifest = try OCIManifest(decoding: bytes, source: "fuzz")
            let again = try OCIManifest(decoding: try manifest.encoded(), source: "again")
            try BrokenPromise.unless(
                try again.encoded() == (try manifest.encoded()), "a manifest is another when it is written and read")
            if manifest.artifactType == MediaType.kernel { return }
            for layer in try manifest.imageLayers() { _ = try manifest.listing(of: layer.name) }
        },
        FuzzTarget("image-configuration", refusals: ImageFormatError.self, StrictJSONError.self) { bytes in
            let read = try ImageConfiguration(decoding: bytes, source: "fuzz")
            _ = try ImageConfiguration(decoding: try read.encoded(), source: "again")
        },
        FuzzTarget("kernel-configuration", refusals: ImageFormatError.self, StrictJSONError.self) { bytes in
            let read = try KernelConfiguration(decoding: bytes, source: "fuzz")
            _ = try KernelConfiguration(decoding: try read.encoded(), source: "again")
        },
        FuzzTarget("package-list", refusals: ImageFormatError.self, StrictJSONError.self) { bytes in
            let list = try PackageList(decoding: bytes, source: "fuzz")
            _ = try PackageList(decoding: try list.encoded(), source: "again")
        },
        FuzzTarget("lock", refusals: ImageFormatError.self, StrictJSONError.self) { bytes in
            _ = try Lock(decoding: bytes, source: "fuzz")
        },
        FuzzTarget("file-listing", refusals: ImageFormatError.self) { bytes in
            let entries = try FileListing.decode(bytes, source: "fuzz")
            try BrokenPromise.unless(
                try FileListing.encode(entries) == bytes, "a listing is written otherwise than it was read")
        },
        FuzzTarget("check-statement", refusals: AttestationError.self) { bytes in
            _ = try Statement<CheckResult>(decoding: bytes, source: "fuzz")
        },
        FuzzTarget("provenance", refusals: AttestationError.self) { bytes in
            _ = try Statement<Provenance>(decoding: bytes, source: "fuzz")
        },
    ]
}
